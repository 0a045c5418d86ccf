#include "gateway/fleet/serving_state.h"

#include <algorithm>
#include <utility>

namespace probegate {
namespace {

// A bound, because health checks ask every few seconds, and their answers may be stored.
constexpr size_t kListedServers = 10;

}  // namespace

ServingState::Server& ServingState::Find(const ServerAddress& server) {
  const auto found = servers_.find(server);
  if (found != servers_.end()) return found->second;
  return servers_.emplace(server, Server{.up = metrics_.ServerUp(server), .problem = {}}).first->second;
}

void ServingState::ServerFound(const ServerAddress& server) {
  const MutexLock lock(mutex_);
  Server& found = Find(server);
  if (std::exchange(found.known, true) && !found.is_up) metrics_.server_reconnects.Add();
  found.is_up = true;
  found.up.Set(1);
}

void ServingState::ServerLost(const ServerAddress& server, std::string why) {
  const MutexLock lock(mutex_);
  Server& lost = Find(server);
  lost.is_up = false;
  lost.problem = std::move(why);
  lost.up.Set(0);
}

void ServingState::ServerForgotten(const ServerAddress& server) {
  const MutexLock lock(mutex_);
  servers_.erase(server);
}

void ServingState::Served(const std::string& unique_id) {
  const MutexLock lock(mutex_);
  probes_[unique_id].clear();
  ShowPorts();
}

void ServingState::NotServed(const std::string& unique_id, std::string why) {
  const MutexLock lock(mutex_);
  probes_[unique_id] = std::move(why);
  ShowPorts();
}

void ServingState::Started() {
  const MutexLock lock(mutex_);
  started_ = true;
}

void ServingState::Stopping() {
  const MutexLock lock(mutex_);
  stopping_ = true;
  for (auto& [address, server] : servers_) server.up.Set(0);
  metrics_.ports.Set(0);
}

std::vector<std::string> ServingState::Missing() const {
  const MutexLock lock(mutex_);
  if (stopping_) return {"the gateway is stopping"};
  std::vector<std::string> missing;
  if (std::none_of(servers_.begin(), servers_.end(), [](const auto& server) { return server.second.is_up; })) {
    for (const auto& [address, server] : servers_) {
      if (missing.size() < kListedServers) missing.push_back(server.problem);
    }
    if (servers_.size() > missing.size()) {
      missing.push_back("and " + std::to_string(servers_.size() - missing.size()) + " more servers are out of reach");
    }
  }
  bool any_served = false;
  for (const auto& [unique_id, problem] : probes_) {
    if (problem.empty()) {
      any_served = true;
    } else {
      missing.push_back(problem);
    }
  }
  if (any_served && !started_) missing.emplace_back("not every debug probe is served yet");
  if (!any_served) missing.emplace_back("no debug probe is served yet");
  return missing;
}

void ServingState::ShowPorts() {
  const auto served =
      std::count_if(probes_.begin(), probes_.end(), [](const auto& probe) { return probe.second.empty(); });
  metrics_.ports.Set(static_cast<double>(served));
}

}  // namespace probegate
