#include "server/grpc/messages.h"

#include <string>

#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate {

absl::StatusOr<size_t> ParsedBytes(const ParsedSize& size, grpc::ByteBuffer& bytes, size_t limit) {
  grpc::ProtoBufferReader reader(&bytes);
  auto parsed = size.Of(reader, bytes.Length(), limit);
  if (parsed.ok()) return parsed;
  return MakeError(ErrorKind::kInvalidArgument, std::string(parsed.status().message()));
}

absl::Status Parse(grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::ProtoBufferReader reader(&bytes);
  if (message.ParseFromZeroCopyStream(&reader)) return absl::OkStatus();
  return MakeError(ErrorKind::kInvalidArgument,
                   absl::StrCat("the message is not a valid ", message.GetDescriptor()->full_name()));
}

grpc::ByteBuffer Serialize(const google::protobuf::Message& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  // It fails only if the message is too large for Protobuf.
  (void)grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, &bytes, &own);
  return bytes;
}

}  // namespace probegate
