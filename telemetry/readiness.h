// Whether a program that serves gRPC is ready and alive, for /readyz and /healthz.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "telemetry/http_server.h"
#include "telemetry/self_check.h"

namespace probegate {

// Threads: any, but SetListening is called once.
class Readiness {
 public:
  // `program` is the subject of the message about stopping, e.g. "the server".
  explicit Readiness(std::string program) : program_(std::move(program)) {}

  // The program listens: from now on, `checks` are made. RESOURCE_EXHAUSTED if the system has no thread left.
  absl::Status SetListening(std::vector<SelfCheck::Check> checks) {
    auto started = SelfCheck::Start(std::move(checks));
    if (!started.ok()) return started.status();
    checks_ = *std::move(started);
    listening_ = true;
    return absl::OkStatus();
  }
  // The program is not ready while `condition` is not OK, which says why; but that is no reason to restart it. To be
  // called before SetListening; `condition` must not block, and what it uses must outlive this.
  void Require(std::function<absl::Status()> condition) { conditions_.push_back(std::move(condition)); }

  // The program is about to end: makes no more checks, and waits for the one that is running.
  void SetStopping() {
    stopping_ = true;
    if (listening_) checks_->Stop();
  }

  // Why the program is not ready; empty if it is.
  std::vector<std::string> Missing() const {
    if (stopping_) return {program_ + " is stopping"};
    if (!listening_) return {"not listening for gRPC yet"};
    std::vector<std::string> missing = checks_->Failing();
    for (const auto& condition : conditions_) {
      if (const absl::Status status = condition(); !status.ok()) missing.emplace_back(status.message());
    }
    return missing;
  }
  // Why the program should be restarted; empty if it should not.
  std::vector<std::string> NotAlive() const {
    return listening_ && !stopping_ ? checks_->NotAlive() : std::vector<std::string>();
  }

  // Refer to this object.
  HealthPages pages() const {
    return {.not_ready = [this] { return Missing(); }, .not_alive = [this] { return NotAlive(); }};
  }

 private:
  const std::string program_;
  std::vector<std::function<absl::Status()>> conditions_;  // constant once it listens
  std::unique_ptr<SelfCheck> checks_;                      // set before listening_
  std::atomic<bool> listening_ = false;
  std::atomic<bool> stopping_ = false;
};

}  // namespace probegate
