#include "telemetry/grpc/rpc_metrics.h"

#include <array>
#include <utility>

#include <google/protobuf/descriptor.h>

namespace probegate {
namespace {

// The canonical codes as grpc-go spells them, in their order.
constexpr std::array<std::string_view, 17> kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

// Indexed by which side streams: bit 0 is the client, bit 1 the server.
constexpr std::array<std::string_view, 4> kTypes = {"unary", "client_stream", "server_stream", "bidi_stream"};

std::string_view TypeOf(const RpcMethod& method) {
  return kTypes[(method.client_streams ? 1U : 0U) + (method.server_streams ? 2U : 0U)];
}

std::vector<Counter> HandledCounters(MetricSet& metrics, const CounterRow& row, const RpcMethod& method) {
  std::vector<Counter> counters;
  for (const std::string_view code : kCodes) {
    counters.emplace_back(metrics, row, LabelValues{TypeOf(method), method.service, method.name, code});
  }
  return counters;
}

}  // namespace

std::string RpcMethod::path() const { return "/" + std::string(service) + "/" + std::string(name); }

std::vector<RpcMethod> MethodsOf(const std::vector<std::string>& services) {
  std::vector<RpcMethod> methods;
  for (const std::string& name : services) {
    const auto& service = *google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service.method_count(); ++i) {
      const google::protobuf::MethodDescriptor& method = *service.method(i);
      methods.push_back({service.full_name(), method.name(), method.client_streaming(), method.server_streaming()});
    }
  }
  return methods;
}

std::vector<RpcMethod> ServedMethods(const std::vector<std::string>& services) {
  static constexpr char kHealth[] = "grpc.health.v1.Health";
  std::vector<RpcMethod> methods = MethodsOf(services);
  methods.push_back({.service = kHealth, .name = "Check"});
  methods.push_back({.service = kHealth, .name = "Watch", .server_streams = true});
  return methods;
}

void RpcScope::Finish(grpc::StatusCode code) {
  const auto number = static_cast<size_t>(code);
  scope_.Finish(number < kCodes.size() ? number : static_cast<size_t>(grpc::StatusCode::UNKNOWN),
                OperationScope::Clock::now());
}

RpcMetrics::RpcMetrics(MetricSet& metrics, const RpcMetricRows& rows, const std::vector<RpcMethod>& methods) {
  for (const RpcMethod& method : methods) {
    methods_.try_emplace(method.path(), metrics, rows, method);
  }
}

RpcMetrics::Method::Method(MetricSet& metrics, const RpcMetricRows& rows, const RpcMethod& method)
    : started(metrics, rows.started, {TypeOf(method), method.service, method.name}),
      handled(HandledCounters(metrics, rows.handled, method)),
      handling(metrics, rows.handling, {TypeOf(method), method.service, method.name}),
      operation{.outcomes = handled, .work = &handling} {}

RpcScope RpcMetrics::Begin(std::string_view path) const {
  const auto found = methods_.find(path);
  if (found == methods_.end()) return {};
  const Method& method = found->second;
  method.started.Add();
  const auto now = OperationScope::Clock::now();
  OperationScope scope(method.operation, static_cast<size_t>(grpc::StatusCode::CANCELLED), now);
  scope.Work(now);
  return RpcScope(std::move(scope));
}

}  // namespace probegate
