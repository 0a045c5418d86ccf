// A call that is refused when it begins.
#pragma once

#include <utility>

#include <grpcpp/grpcpp.h>

#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

// `Reactor` is the reactor of gRPC for a call of its kind: grpc::ServerUnaryReactor, for example.
template <typename Reactor>
class RefusedCall final : public Reactor {
 public:
  // `rpc`, if given, counts the call.
  explicit RefusedCall(const grpc::Status& why, RpcScope* rpc = nullptr) {
    if (rpc != nullptr) rpc->Finish(why.error_code());
    this->Finish(why);
  }
  void OnDone() override { delete this; }
};

}  // namespace probegate
