#include "telemetry/grpc/server_interceptor.h"

#include <algorithm>
#include <utility>

namespace probegate {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerInterceptorFactoryInterface;

// Lives as long as its call. There is no hook point for a client that leaves: the status with which the server then
// ends the call counts, or the destruction of the scope if the server sends no status.
class CountedCall final : public grpc::experimental::Interceptor {
 public:
  explicit CountedCall(RpcScope scope) : scope_(std::move(scope)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      scope_.Finish(batch->GetSendStatus().error_code());
    }
    batch->Proceed();
  }

 private:
  RpcScope scope_;
};

class CallCounter final : public ServerInterceptorFactoryInterface {
 public:
  CallCounter(const RpcMetrics& metrics, std::vector<std::string> counted_elsewhere)
      : metrics_(metrics), counted_elsewhere_(std::move(counted_elsewhere)) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* call) override {
    const auto end = counted_elsewhere_.end();
    if (std::find(counted_elsewhere_.begin(), end, call->method()) != end) return nullptr;
    return new CountedCall(metrics_.Begin(call->method()));
  }

 private:
  const RpcMetrics& metrics_;
  const std::vector<std::string> counted_elsewhere_;
};

}  // namespace

std::vector<std::unique_ptr<ServerInterceptorFactoryInterface>> MakeServerInterceptors(
    const RpcMetrics& metrics, std::vector<std::string> counted_elsewhere) {
  std::vector<std::unique_ptr<ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<CallCounter>(metrics, std::move(counted_elsewhere)));
  return interceptors;
}

}  // namespace probegate
