// A call of Registration.Register: a server with its probes.
#pragma once

#include <memory>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "broker/grpc/message_stream.h"
#include "broker/leases/lease_loop.h"
#include "broker/leases/parties.h"
#include "probegate/broker/v1/registration.pb.h"

namespace probegate::broker {

// Threads: gRPC's and the broker's.
class RegisterCall final : public MessageStream<v1::RegisterRequest, v1::RegisterResponse>, public ServerLink {
 public:
  // As AcquireCall::Start.
  static RegisterCall* Start(LeaseLoop& loop, grpc::CallbackServerContext& context);

  void Tell(const v1::RegisterResponse& response) override { Send(response); }
  void End(const absl::Status& status) override { Finish(ToStatus(status)); }

 private:
  RegisterCall(LeaseLoop& loop, grpc::CallbackServerContext& context) : MessageStream(context), loop_(loop) {}

  void OnRequest(v1::RegisterRequest request) override;
  void OnGone() override;
  bool Replaces(const v1::RegisterResponse& /*last*/, const v1::RegisterResponse& /*next*/) const override {
    return false;
  }
  absl::Status Check(const v1::RegisterRequest& request);
  std::shared_ptr<RegisterCall> Self() { return std::static_pointer_cast<RegisterCall>(shared_from_this()); }

  LeaseLoop& loop_;
  bool begun_ = false;  // used by OnRequest
};

}  // namespace probegate::broker
