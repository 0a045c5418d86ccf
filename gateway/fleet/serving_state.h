// What the gateway serves now, and what keeps it from serving more: for /readyz and the gauges.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/net/server_address.h"

namespace probegate {

// Threads: any.
class ServingState {
 public:
  // `metrics` must outlive it.
  explicit ServingState(GatewayMetrics& metrics) : metrics_(metrics) {}

  // The server's whole list of probes has arrived.
  void ServerFound(const ServerAddress& server);
  // The server cannot be reached, or its connection was lost. `why` is for people to read, and names the server.
  void ServerLost(const ServerAddress& server, std::string why);
  // The gateway no longer uses this server.
  void ServerForgotten(const ServerAddress& server);

  void Served(const std::string& unique_id);
  // `why` names the probe and the port.
  void NotServed(const std::string& unique_id, std::string why);

  // Serving of all probes found at the start has begun.
  void Started();
  void Stopping();

  // What is missing, one line each, for people to read; empty if every probe that is to be served is served. An
  // unreachable server must not keep users from the probes of the others, so it is only listed if all servers are
  // unreachable.
  std::vector<std::string> Missing() const;

 private:
  struct Server {
    Gauge up;
    bool is_up = false;
    bool known = false;  // the server was up at some time
    std::string problem;
  };

  Server& Find(const ServerAddress& server) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ShowPorts() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  GatewayMetrics& metrics_;

  mutable Mutex mutex_;
  std::map<ServerAddress, Server> servers_ ABSL_GUARDED_BY(mutex_);
  // What is wrong with each probe's port, by unique ID; empty if the probe is served.
  std::map<std::string, std::string> probes_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
