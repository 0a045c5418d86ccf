// What a test needs to serve gRPC with GrpcListener.
#pragma once

#include <memory>
#include <utility>

#include "base/accept_loop.h"
#include "base/grpc/listener.h"
#include "base/quota.h"
#include "tests/base/ignore_refusals.h"

namespace probegate {

// A loop with room for all connections of a test. It must outlive the listeners.
class Accepting {
 public:
  GrpcListening At(const Endpoint& endpoint, GrpcLimits limits = {}) {
    return {.loop = *loop_, .connections = connections_, .listen = endpoint, .limits = std::move(limits)};
  }
  AcceptLoop& loop() { return *loop_; }
  Quota& connections() { return connections_; }

 private:
  IgnoreRefusals observer_;
  Quota connections_{"connections", {.all = 1024, .per_client = 1024}};
  const std::unique_ptr<AcceptLoop> loop_ = *AcceptLoop::Start(observer_);
};

}  // namespace probegate
