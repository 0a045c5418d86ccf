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

namespace probegate {

struct ChannelOptions {
  // The calls' :authority; empty if it is the target. Set it if the target is one of the addresses of a server's name:
  // the authority is then the name.
  std::string authority;
  // How long one attempt to connect may take. Choose a shorter time if a host that drops packets must be reached soon
  // after it is back, a longer one for slow links.
  std::chrono::milliseconds attempt{5'000};
};

// `target` is HOST:PORT (base/endpoint.h). The channel connects when it is first used. This function never fails; calls
// on the channel do.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const ChannelOptions& options = {});

}  // namespace probegate
