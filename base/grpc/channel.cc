#include "base/grpc/channel.h"

#include <array>
#include <future>
#include <string_view>

#include <grpcpp/generic/generic_stub.h>

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

constexpr std::chrono::seconds kReasonBound{1};

// What gRPC and OpenSSL say, and what it means.
struct Explanation {
  std::string_view part;
  std::string_view meaning;
  bool only_new = false;  // it means this only if the channel has never been connected
};
constexpr std::string_view kClosed =
    "it closes the connection at once; it may need TLS (--tls-ca), or a client certificate (--tls-cert)";
constexpr std::array kExplanations = {
    Explanation{"Hostname Verification Check failed",
                "the server's certificate is for another name; use the name that is in it, or --tls-server-name"},
    Explanation{"certificate verify failed",
                "the server's certificate is expired, not valid yet, or not from an authority that is trusted; see "
                "--tls-ca"},
    Explanation{"wrong version number", "the server does not use TLS"},
    Explanation{"packet length too long", "the server does not use TLS"},
    Explanation{"certificate required", "the server requires a client certificate; see --tls-cert"},
    Explanation{"bad certificate", "the server does not accept the certificate in --tls-cert"},
    Explanation{"unknown ca", "the server does not know the authority of the certificate in --tls-cert"},
    Explanation{"certificate revoked", "the server says that the certificate in --tls-cert has been revoked"},
    Explanation{"certificate expired", "the server says that the certificate in --tls-cert has expired"},
    Explanation{"Socket closed", kClosed, true},
    Explanation{"Connection reset by peer", kClosed, true},
    Explanation{"Broken pipe", kClosed, true},
};

std::string Explain(const std::string& message, bool is_new) {
  for (const Explanation& row : kExplanations) {
    if (row.only_new && !is_new) continue;
    if (message.find(row.part) != std::string::npos) return std::string(row.meaning) + " (" + message + ")";
  }
  return message;
}

// gRPC sends no token over what it calls an insecure channel. Its local credentials do not encrypt either, and check
// that the other end of each connection is on this machine.
std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(bool is_unix, const ChannelSecurity& security) {
  const auto& tls = is_unix ? nullptr : security.tls;
  if (security.token == nullptr) return tls != nullptr ? tls : grpc::InsecureChannelCredentials();
  const auto local = [is_unix] { return grpc::experimental::LocalCredentials(is_unix ? UDS : LOCAL_TCP); };
  return grpc::CompositeChannelCredentials(tls != nullptr ? tls : local(), security.token);
}

}  // namespace

std::string ExplainFailedConnection(const std::string& message) { return Explain(message, false); }

std::string ReasonNotConnected(const std::shared_ptr<grpc::Channel>& channel, const std::string& otherwise) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kReasonBound);
  const grpc::Slice nothing("");
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  std::promise<std::string> message;
  grpc::GenericStub(channel).UnaryCall(
      &context, "/grpc.health.v1.Health/Check", {}, &request, &response,
      [&message](const grpc::Status& status) { message.set_value(status.error_message()); });
  const std::string why = message.get_future().get();
  const std::string explained = Explain(why, true);
  return explained == why ? otherwise : explained;
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  for (const GrpcArgument& argument : kKeepaliveArguments) arguments.SetInt(argument.name, argument.value);
  for (const GrpcArgument& argument : kArguments) arguments.SetInt(argument.name, argument.value);
  // Despite its name, this is not only gRPC's shortest pause, but also the time that an attempt to connect gets.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(options.attempt.count()));
  const ChannelSecurity& security = options.security;
  const bool is_unix = target.starts_with("unix:");
  // The path of a unix socket is not a valid authority. This is what gRPC uses.
  std::string authority = is_unix ? "localhost" : security.server_name;
  if (authority.empty()) authority = options.authority;
  if (!authority.empty()) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, authority);
  return grpc::CreateCustomChannel(target, CredentialsFor(is_unix, security), arguments);
}

}  // namespace probegate
