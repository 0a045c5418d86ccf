// Whether a program that serves gRPC is ready, for /readyz.
//
// Threads: any.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

namespace probegate {

class Readiness {
 public:
  // `program` is the subject of the message about stopping, e.g. "the server".
  explicit Readiness(std::string program) : program_(std::move(program)) {}

  void SetListening() { listening_ = true; }
  void SetStopping() { stopping_ = true; }

  // Why the program is not ready, as ServeMetrics expects it; empty if it is.
  std::vector<std::string> Missing() const {
    if (stopping_) return {program_ + " is stopping"};
    if (!listening_) return {"not listening for gRPC yet"};
    return {};
  }

 private:
  const std::string program_;
  std::atomic<bool> listening_ = false;
  std::atomic<bool> stopping_ = false;
};

}  // namespace probegate
