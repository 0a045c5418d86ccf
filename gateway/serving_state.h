// What the gateway serves now, and what keeps it from serving: for /readyz and the gauges.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "gateway/gateway_metrics.h"

namespace probegate {

// Threads: any.
class ServingState {
 public:
  // `server`: HOST:PORT, for messages. `metrics` must outlive it.
  ServingState(std::string server, GatewayMetrics& metrics) : server_(std::move(server)), metrics_(metrics) {}

  // The server's whole list of probes has come.
  void ServerFound();
  // `why` is for a person.
  void ServerLost(std::string why);

  void Served(const std::string& unique_id);
  // `why` names the probe and the port.
  void NotServed(const std::string& unique_id, std::string why);

  void Stopping();

  // What is missing, a line each for a person; empty where every probe that is to be served is.
  std::vector<std::string> Missing() const;

 private:
  void ShowPorts() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string server_;
  GatewayMetrics& metrics_;

  mutable Mutex mutex_;
  bool server_up_ ABSL_GUARDED_BY(mutex_) = false;
  bool server_known_ ABSL_GUARDED_BY(mutex_) = false;
  std::string server_problem_ ABSL_GUARDED_BY(mutex_);
  // What is wrong with each probe's port, by unique id; empty where it is served.
  std::map<std::string, std::string> probes_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
