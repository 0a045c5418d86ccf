// How every program of the project makes a gRPC channel to another.
//
// Messages may have kMaxMessageBytes (base/request_limits.h). A peer whose host is gone is noticed within 15 s,
// also while nobody asks for anything (base/grpc/keepalive.h). A connection that is lost is made anew
// with pauses of at most 2 s. Proxies of the environment are not used: they are for browsers, and what they would be
// asked for is an address that only this machine's resolver knows to be the server's.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

namespace probegate {

struct ChannelOptions {
  // The calls' :authority, where it is not the target: what the user calls a server that is reached at one of the
  // addresses of its name.
  std::string authority;
  // How long one attempt to connect may take. Shorter where a host that swallows packets must be found again soon after
  // it is back; longer where a slow link must do.
  std::chrono::milliseconds attempt{5'000};
};

// `target` is HOST:PORT (base/endpoint.h). Connects when first used. Never fails: calls do.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const ChannelOptions& options = {});

}  // namespace probegate
