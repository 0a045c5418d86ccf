// Whether a program that serves gRPC is of use, for /readyz and for the end.
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
  // `program` is what is said to be stopping, e.g. "the server".
  explicit Readiness(std::string program) : program_(std::move(program)) {}

  void SetListening() { listening_ = true; }
  void SetStopping() { stopping_ = true; }

  // Why it is of no use, as ServeMetrics asks; nothing where it is.
  std::vector<std::string> Missing() const {
    if (stopping_) return {program_ + " is stopping"};
    if (!listening_) return {"gRPC does not listen yet"};
    return {};
  }

 private:
  const std::string program_;
  std::atomic<bool> listening_ = false;
  std::atomic<bool> stopping_ = false;
};

}  // namespace probegate
