// A call of Leases.Acquire.
#pragma once

#include <memory>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "broker/grpc/message_stream.h"
#include "broker/leases/holder.h"
#include "broker/leases/lease_loop.h"
#include "broker/leases/parties.h"
#include "probegate/broker/v1/leases.pb.h"

namespace probegate::broker {

// Threads: gRPC's and the broker's.
class AcquireCall final : public MessageStream<v1::AcquireRequest, v1::AcquireResponse>, public LeaseClient {
 public:
  // The call lives until gRPC and the broker are done with it. `loop` must outlive the server.
  static AcquireCall* Start(LeaseLoop& loop, Requester who, grpc::CallbackServerContext& context);

  void Tell(const v1::AcquireResponse& response) override { Send(response); }
  void End(const absl::Status& status) override { Finish(ToStatus(status)); }

 private:
  AcquireCall(LeaseLoop& loop, Requester who, grpc::CallbackServerContext& context)
      : MessageStream(context), loop_(loop), who_(std::move(who)) {}

  void OnRequest(v1::AcquireRequest request) override;
  void OnGone() override;
  bool Replaces(const v1::AcquireResponse& last, const v1::AcquireResponse& next) const override;
  std::shared_ptr<AcquireCall> Self() { return std::static_pointer_cast<AcquireCall>(shared_from_this()); }

  LeaseLoop& loop_;
  const Requester who_;
  bool begun_ = false;  // used by OnRequest
};

}  // namespace probegate::broker
