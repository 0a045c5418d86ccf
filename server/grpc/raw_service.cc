#include "server/grpc/raw_service.h"

#include <memory>

#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>

#include "access/grpc/refused_call.h"
#include "server/access/errors.h"
#include "server/grpc/status.h"

namespace probegate {

void RawService::Add(const std::string& path, Start start) {
  paths_.push_back(path);  // gRPC keeps the pointer
  AddMethod(
      new grpc::internal::RpcServiceMethod(paths_.back().c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  const auto admit = [this, path, start = std::move(start)](grpc::CallbackServerContext* context) -> Call* {
    RpcScope rpc = gate_.Count(path);
    auto caller = gate_.Admit(path, *context);
    if (!caller.ok()) return new RefusedCall<Call>(ToGrpcStatus(ToError(caller.status())), &rpc);
    return start(*context, *std::move(caller), std::move(rpc));
  };
  MarkMethodRawCallback(static_cast<int>(paths_.size()) - 1,
                        new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(admit));
}

}  // namespace probegate
