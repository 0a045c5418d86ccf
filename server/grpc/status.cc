#include "server/grpc/status.h"

#include "google/rpc/status.pb.h"
#include "server/commands/error_detail.h"

namespace probegate {
namespace {

// Abseil's canonical codes have gRPC's numbers.
grpc::Status MakeStatus(absl::StatusCode code, const v1::ErrorDetail& detail) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(code));
  details.set_message(detail.message());
  details.add_details()->PackFrom(detail);
  return {static_cast<grpc::StatusCode>(code), detail.message(), details.SerializeAsString()};
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status, const std::string& probe) {
  if (status.ok()) return grpc::Status::OK;
  return MakeStatus(status.code(), ToErrorDetail(status, probe));
}

grpc::Status ToGrpcStatus(const v1::ErrorDetail& detail) { return MakeStatus(CanonicalCode(detail.kind()), detail); }

}  // namespace probegate
