// Every error kind, converted to a message and back to a canonical code.
#include "server/grpc/status.h"

#include <algorithm>
#include <cctype>

#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "probe/error.h"
#include "server/commands/error_detail.h"

namespace probegate {
namespace {

v1::ErrorDetail DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.details_size(), 1);
  v1::ErrorDetail detail;
  EXPECT_TRUE(details.details(0).UnpackTo(&detail));
  return detail;
}

TEST(StatusTest, EveryKindKeepsItsNameAndCode) {
  for (const ErrorKindRow& row : ErrorKinds()) {
    const grpc::Status status = ToGrpcStatus(MakeError(row.kind, "what went wrong"), "PROBE1");
    EXPECT_EQ(static_cast<int>(status.error_code()), static_cast<int>(row.code)) << row.name;
    EXPECT_EQ(status.error_message(), "what went wrong");
    const v1::ErrorDetail detail = DetailOf(status);
    std::string name = "ERROR_KIND_" + std::string(row.name);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    EXPECT_EQ(v1::ErrorKind_Name(detail.kind()), name);
    EXPECT_EQ(detail.probe(), "PROBE1");
    EXPECT_EQ(CanonicalCode(detail.kind()), row.code);
    EXPECT_EQ(ToGrpcStatus(detail).error_code(), status.error_code());
  }
}

TEST(StatusTest, EveryKindInTheProtoIsUsed) {
  const auto* kinds = v1::ErrorKind_descriptor();
  EXPECT_EQ(static_cast<size_t>(kinds->value_count()), ErrorKinds().size() + 1) << "all but ERROR_KIND_UNSPECIFIED";
}

TEST(StatusTest, CarriesTheFaultAddressAndTheCompletedBytes) {
  const grpc::Status status =
      ToGrpcStatus(MakeError({ErrorKind::kTransferFault, uint64_t{0x40000000}, uint64_t{12}}, "fault"));
  EXPECT_EQ(DetailOf(status).fault_address(), 0x40000000u);
  EXPECT_EQ(DetailOf(status).completed_bytes(), 12u);
  EXPECT_FALSE(DetailOf(ToGrpcStatus(MakeError(ErrorKind::kBusy, "x"))).has_fault_address());
}

TEST(StatusTest, AnEndedSessionIsCancelledWithTheKindOfALostProbe) {
  const grpc::Status status = ToGrpcStatus(absl::CancelledError("ended"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(DetailOf(status).kind(), v1::ERROR_KIND_PROBE_DISCONNECTED);
}

TEST(StatusTest, MessagesAreOneLineOfUtf8) {
  EXPECT_EQ(ToGrpcStatus(MakeError(ErrorKind::kProbeError, "a\nb\xFF")).error_message(), "a b?");
}

}  // namespace
}  // namespace probegate
