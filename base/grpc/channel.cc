#include "base/grpc/channel.h"

namespace probegate {
namespace {

struct Argument {
  const char* name;
  int value;
};
constexpr Argument kArguments[] = {
    {GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, 20 << 20},
    {GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, 20 << 20},
    {GRPC_ARG_KEEPALIVE_TIME_MS, 10'000},
    {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000},
    {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
    {GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0},
    {GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200},
    {GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000},
    {GRPC_ARG_ENABLE_HTTP_PROXY, 0},
};

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  for (const Argument& argument : kArguments) arguments.SetInt(argument.name, argument.value);
  // By its name gRPC's shortest pause; in fact what an attempt to connect is given.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(options.attempt.count()));
  if (!options.authority.empty()) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, options.authority);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace probegate
