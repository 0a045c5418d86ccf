// Messages as gRPC carries them: parsing them, and making them.
#pragma once

#include <cstddef>

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "base/protobuf/parsed_size.h"

namespace probegate {

// As ParsedSize::Of. A message that would take more than `limit` bytes, or is not valid, is kInvalidArgument.
absl::StatusOr<size_t> ParsedBytes(const ParsedSize& size, grpc::ByteBuffer& bytes, size_t limit);

// kInvalidArgument if `bytes` is not a valid message of that type. `bytes` stays as it is.
absl::Status Parse(grpc::ByteBuffer& bytes, google::protobuf::Message& message);

// `message` must be smaller than 2 GiB.
grpc::ByteBuffer Serialize(const google::protobuf::Message& message);

}  // namespace probegate
