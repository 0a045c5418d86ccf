#include "base/grpc/channel.h"

#include "base/grpc/keepalive.h"
#include "base/request_limits.h"

namespace probegate {
namespace {

constexpr GrpcArgument kArguments[] = {
    {GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, kMaxMessageBytes},
    {GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, kMaxMessageBytes},
    {GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200},
    {GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000},
    {GRPC_ARG_ENABLE_HTTP_PROXY, 0},
};

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  for (const GrpcArgument& argument : kKeepaliveArguments) arguments.SetInt(argument.name, argument.value);
  for (const GrpcArgument& argument : kArguments) arguments.SetInt(argument.name, argument.value);
  // Despite its name, this is not only gRPC's shortest pause, but also the time that an attempt to connect gets.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(options.attempt.count()));
  if (!options.authority.empty()) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, options.authority);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace probegate
