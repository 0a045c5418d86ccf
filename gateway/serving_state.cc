#include "gateway/serving_state.h"

#include <algorithm>
#include <utility>

namespace probegate {

void ServingState::ServerFound() {
  const MutexLock lock(mutex_);
  if (std::exchange(server_known_, true) && !server_up_) metrics_.server_reconnects.Add();
  server_up_ = true;
  metrics_.server_up.Set(1);
}

void ServingState::ServerLost(std::string why) {
  const MutexLock lock(mutex_);
  server_up_ = false;
  server_problem_ = std::move(why);
  metrics_.server_up.Set(0);
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

void ServingState::Stopping() {
  const MutexLock lock(mutex_);
  stopping_ = true;
  server_up_ = false;
  metrics_.server_up.Set(0);
  metrics_.ports.Set(0);
}

std::vector<std::string> ServingState::Missing() const {
  const MutexLock lock(mutex_);
  if (stopping_) return {"the gateway is stopping"};
  std::vector<std::string> missing;
  if (!server_up_) {
    missing.push_back(server_problem_.empty() ? "the server at " + server_ + " has not answered yet" : server_problem_);
  }
  bool any_served = false;
  for (const auto& [unique_id, problem] : probes_) {
    if (problem.empty()) {
      any_served = true;
    } else {
      missing.push_back(problem);
    }
  }
  if (!any_served) missing.emplace_back("no debug probe is served yet");
  return missing;
}

void ServingState::ShowPorts() {
  const auto served =
      std::count_if(probes_.begin(), probes_.end(), [](const auto& probe) { return probe.second.empty(); });
  metrics_.ports.Set(static_cast<double>(served));
}

}  // namespace probegate
