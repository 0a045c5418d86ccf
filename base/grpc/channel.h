// All programs of the project make their gRPC channels to each other with this function.
//
// Messages may have up to kMaxMessageBytes (base/request_limits.h). If the peer's host vanishes, that is noticed within
// 15 s, even if no call is in progress (base/grpc/keepalive.h). A lost connection is retried with pauses of at most 2
// s. Proxies set in the environment are not used: they are meant for browsers, and the address may be one that only
// this machine's resolver knows.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "base/grpc/client_tls.h"

namespace probegate {

struct ChannelOptions {
  // The calls' :authority; empty if it is the target. Set it if the target is one of the addresses of a server's name:
  // the authority is then the name. With TLS, the server's certificate must be for it, or for ChannelSecurity's name.
  std::string authority;
  // How long one attempt to connect may take. Choose a shorter time if a host that drops packets must be reached soon
  // after it is back, a longer one for slow links.
  std::chrono::milliseconds attempt{5'000};
  ChannelSecurity security = {};
};

// `target` is HOST:PORT or unix:/PATH (base/endpoint.h); TLS is not used on a unix socket. The channel connects when it
// is first used. This function never fails; calls on the channel do. A channel with a token connects only with TLS, to
// a unix socket, or to loopback.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const ChannelOptions& options = {});

// Why a call failed that could not connect, for people to read: `message` is that of its grpc::Status. If the reason is
// one of TLS's, says what helps.
std::string ExplainFailedConnection(const std::string& message);

// Why `channel` did not connect: ExplainFailedConnection if the reason is one of TLS's, otherwise `otherwise`. gRPC
// says that only to a call, which this function makes; blocks for up to a second.
std::string ReasonNotConnected(const std::shared_ptr<grpc::Channel>& channel, const std::string& otherwise);

}  // namespace probegate
