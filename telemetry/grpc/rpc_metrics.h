// The metrics of a server's or a client's gRPC calls: each counts as started when it begins, and as handled, with its
// status and how long it took, when it ends.
//
// All series are there from the start, for each method and status; a call of a method that is not known counts nowhere,
// since its name is the caller's to choose.
//
// Threads: any. A call costs some hundred nanoseconds in all.
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

// A method, and which side of it streams.
struct RpcMethod {
  std::string_view service;  // with its package
  std::string_view name;
  bool client_streams = false;
  bool server_streams = false;

  // "/package.Service/Method", as calls name it.
  std::string path() const;
};

// The methods of services, which are given with their package and must be linked into this program.
std::vector<RpcMethod> MethodsOf(const std::vector<std::string>& services);

// The same, and those of gRPC's own health service, which has no descriptor: all that a server counts.
std::vector<RpcMethod> ServedMethods(const std::vector<std::string>& services);

// A call until it has ended. Counts nothing where its method is not known.
class RpcScope {
 public:
  RpcScope() = default;
  explicit RpcScope(OperationScope scope) : scope_(std::move(scope)) {}

  // The call ended with `code`; one that gRPC does not know is Unknown. Once; a scope that was not told counts as
  // Canceled when it is destroyed.
  void Finish(grpc::StatusCode code);

 private:
  OperationScope scope_;
};

class RpcMetrics {
 public:
  // `metrics` must outlive this object, and this object the scopes.
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
