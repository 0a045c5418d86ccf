// What the gateway serves now, and what keeps it from serving: for /readyz and the gauges.
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

  // The server's whole list of probes has come.
  void ServerFound(const ServerAddress& server);
  // It is not there, or no more. `why` is for a person, and names it.
  void ServerLost(const ServerAddress& server, std::string why);
  // It is none of the gateway's any more.
  void ServerForgotten(const ServerAddress& server);

  void Served(const std::string& unique_id);
  // `why` names the probe and the port.
  void NotServed(const std::string& unique_id, std::string why);

  // All that there was in the beginning has been taken up.
  void Started();
  void Stopping();

  // What is missing, a line each for a person; empty where every probe that is to be served is.
  // A server that is out of
  // reach is no reason to keep users from the probes of the others: it is missing only where all are.
  std::vector<std::string> Missing() const;

 private:
  struct Server {
    Gauge up;
    bool is_up = false;
    bool known = false;  // it was up at some time
    std::string problem;
  };

  Server& Find(const ServerAddress& server) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ShowPorts() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  GatewayMetrics& metrics_;

  mutable Mutex mutex_;
  std::map<ServerAddress, Server> servers_ ABSL_GUARDED_BY(mutex_);
  // What is wrong with each probe's port, by unique id; empty where it is served.
  std::map<std::string, std::string> probes_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
