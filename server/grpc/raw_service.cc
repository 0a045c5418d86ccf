#include "server/grpc/raw_service.h"

#include <memory>

#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>

#include "server/grpc/status.h"

namespace probegate {
namespace {

// A call that is refused when it begins.
class RefusedCall final : public RawService::Call {
 public:
  RefusedCall(const grpc::Status& why, RpcScope rpc) {
    rpc.Finish(why.error_code());
    Finish(why);
  }
  void OnDone() override { delete this; }
};

}  // namespace

void RawService::Add(const std::string& path, Start start) {
  paths_.push_back(path);  // gRPC keeps the pointer
  AddMethod(
      new grpc::internal::RpcServiceMethod(paths_.back().c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  const auto admit = [this, path, start = std::move(start)](grpc::CallbackServerContext* context) -> Call* {
    RpcScope rpc = gate_.Count(path);
    auto caller = gate_.Admit(path, *context);
    if (!caller.ok()) return new RefusedCall(ToGrpcStatus(caller.status()), std::move(rpc));
    return start(*context, *std::move(caller), std::move(rpc));
  };
  MarkMethodRawCallback(static_cast<int>(paths_.size()) - 1,
                        new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(admit));
}

}  // namespace probegate
