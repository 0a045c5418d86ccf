// The metrics of a server's or a client's gRPC calls: a call is counted as started when it begins, and as handled, with
// its status and duration, when it ends.
//
// The series of all methods and statuses exist from the start. Calls of unknown methods are not counted, because the
// caller can choose any name for them.
//
// Threads: any. A call costs a few hundred nanoseconds in all.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/support/status.h>

#include "telemetry/grpc/rpc_metric_rows.h"
#include "telemetry/metrics.h"
#include "telemetry/scope.h"

namespace probegate {

// A method, and which of its sides stream.
struct RpcMethod {
  std::string_view service;  // with its package
  std::string_view name;
  bool client_streams = false;
  bool server_streams = false;

  // "/package.Service/Method", the name that calls use.
  std::string path() const;
};

// The methods of services, which are given with their package and must be linked into this program.
std::vector<RpcMethod> MethodsOf(const std::vector<std::string>& services);

// The same, and the methods of gRPC's own health service, which has no descriptor: every method that a server counts.
std::vector<RpcMethod> ServedMethods(const std::vector<std::string>& services);

// A call that has not ended yet. Counts nothing if the method is unknown.
class RpcScope {
 public:
  RpcScope() = default;
  explicit RpcScope(OperationScope scope) : scope_(std::move(scope)) {}

  // The call ended with `code`; a number that is not a gRPC code counts as Unknown. To be called once. If it is not
  // called, the call counts as Canceled when the scope is destroyed.
  void Finish(grpc::StatusCode code);

 private:
  OperationScope scope_;
};

class RpcMetrics {
 public:
  // `metrics` must outlive this object, and this object must outlive the scopes.
  RpcMetrics(MetricSet& metrics, const RpcMetricRows& rows, const std::vector<RpcMethod>& methods);

  // A call of the method at `path` begins now.
  RpcScope Begin(std::string_view path) const;

 private:
  struct Method {
    Method(MetricSet& metrics, const RpcMetricRows& rows, const RpcMethod& method);

    Counter started;
    std::vector<Counter> handled;  // by status code
    Histogram handling;
    OperationMetrics operation;
  };

  std::map<std::string, const Method, std::less<>> methods_;  // by path
};

}  // namespace probegate
