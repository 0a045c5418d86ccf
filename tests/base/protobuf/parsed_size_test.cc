#include "base/protobuf/parsed_size.h"

#include <string>

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "gtest/gtest.h"
#include "probegate/v1/debug_probe.pb.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {
namespace {

constexpr size_t kNoLimit = size_t{1} << 40;

class ParsedSizeTest : public testing::Test {
 protected:
  absl::StatusOr<size_t> Of(const std::string& wire, size_t limit = kNoLimit) const {
    // Blocks of a few bytes, so that everything is cut somewhere.
    google::protobuf::io::ArrayInputStream stream(wire.data(), static_cast<int>(wire.size()), 7);
    return stream_request.Of(stream, wire.size(), limit);
  }
  // The estimate is at least what the parsed message takes, and not many times as much.
  void ExpectFits(const std::string& wire) const {
    v1::StreamRequest request;
    ASSERT_TRUE(request.ParseFromString(wire));
    const auto estimate = Of(wire);
    ASSERT_TRUE(estimate.ok()) << estimate.status();
    EXPECT_GE(*estimate, request.SpaceUsedLong());
    EXPECT_LE(*estimate, 4 * request.SpaceUsedLong());
  }

  const ParsedSize stream_request{*v1::StreamRequest::descriptor()};
};

TEST_F(ParsedSizeTest, IsAtLeastWhatTheMessageTakes) {
  v1::StreamRequest request;
  ExpectFits(request.SerializeAsString());
  request.set_traceparent(std::string(55, 'a'));
  for (int i = 0; i < 200; ++i) request.add_posted()->mutable_write_ap()->set_address(4);
  request.mutable_read_ap()->set_address(12);
  ExpectFits(request.SerializeAsString());
  for (int i = 0; i < 5000; ++i) request.mutable_write_block32()->add_values(7);
  ExpectFits(request.SerializeAsString());
  request.mutable_write_block8()->set_data(std::string(100'000, 'x'));
  ExpectFits(request.SerializeAsString());
  for (int i = 0; i < 3000; ++i) request.mutable_swd_sequence()->add_segments()->set_output("x");
  ExpectFits(request.SerializeAsString());
}

TEST_F(ParsedSizeTest, CountsUnknownFields) {
  std::string wire;
  for (int i = 0; i < 1000; ++i) wire += std::string("\xf8\x07\x01", 3);          // field 127, a varint
  for (int i = 0; i < 1000; ++i) wire += std::string("\xfa\x07\x02xx", 5);        // field 127, two bytes
  for (int i = 0; i < 1000; ++i) wire += std::string("\x0d\x00\x00\x00\x00", 5);  // request_id, of another type
  ExpectFits(wire);
}

TEST_F(ParsedSizeTest, StopsAtTheLimit) {
  std::string wire;
  for (int i = 0; i < 100'000; ++i) wire += std::string("\x1a\x00", 2);  // an empty posted request
  EXPECT_FALSE(Of(wire, 1 << 20).ok());
  EXPECT_TRUE(Of(wire, 64 << 20).ok());
}

TEST_F(ParsedSizeTest, RefusesWhatIsNotValid) {
  for (const std::string& wire : {std::string("\x1a\x05\x00", 3), std::string("\x08", 1), std::string("\x00", 1),
                                  std::string("\x0d\x00", 2), std::string("\x07", 1)}) {
    EXPECT_FALSE(Of(wire).ok());
  }
}

TEST_F(ParsedSizeTest, RefusesGroupsAndDeepNesting) {
  EXPECT_FALSE(Of(std::string("\x0b\x0c", 2)).ok());
  std::string nested;
  for (int i = 0; i < 10; ++i) nested = "\x1a" + std::string(1, static_cast<char>(nested.size())) + nested;
  EXPECT_TRUE(Of(nested).ok());
  for (int i = 0; i < 10; ++i) nested = "\x1a" + std::string(1, static_cast<char>(nested.size())) + nested;
  EXPECT_FALSE(Of(nested).ok());
}

TEST_F(ParsedSizeTest, CountsMaps) {
  v1::ListProbesRequest request;
  for (int i = 0; i < 500; ++i) (*request.mutable_labels())[std::to_string(i)] = "x";
  const std::string wire = request.SerializeAsString();
  google::protobuf::io::ArrayInputStream stream(wire.data(), static_cast<int>(wire.size()));
  const auto estimate = ParsedSize(*v1::ListProbesRequest::descriptor()).Of(stream, wire.size(), kNoLimit);
  ASSERT_TRUE(estimate.ok());
  EXPECT_GE(*estimate, request.SpaceUsedLong());
}

}  // namespace
}  // namespace probegate
