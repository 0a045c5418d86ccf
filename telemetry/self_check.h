// Finds out whether a program serves, the way its clients would: for /readyz and /healthz.
//
// A program can run and yet be of no use: it no longer accepts connections, a call is never answered, a thread hangs.
// Nothing inside the program notices that. So every few seconds a thread does what a client does, with a bound on the
// time, and each check that fails is named. A check that has not succeeded for half a minute is a reason to restart the
// program.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/socket.h"

namespace probegate {

// Threads: any. Only Stop blocks.
class SelfCheck {
 public:
  struct Check {
    std::string what;  // what does not answer if it fails, such as "gRPC on 127.0.0.1:50051"
    // Called on the thread. Must return by the deadline, with the reason if the check failed.
    std::function<absl::Status(Deadline deadline)> run;
  };

  struct Times {
    std::chrono::milliseconds pause{5'000};     // from one round of checks to the next
    std::chrono::milliseconds patience{4'000};  // with one check; reported as hanging after twice that
    std::chrono::milliseconds alive{30'000};    // without success for this long, the program is not alive
  };

  // Starts the thread, with a first round at once. Until a check has been made, it counts as successful.
  // RESOURCE_EXHAUSTED if the system has no thread left.
  static absl::StatusOr<std::unique_ptr<SelfCheck>> Start(std::vector<Check> checks, const Times& times);
  static absl::StatusOr<std::unique_ptr<SelfCheck>> Start(std::vector<Check> checks) {
    return Start(std::move(checks), Times());
  }
  // Calls Stop.
  ~SelfCheck();
  SelfCheck(const SelfCheck&) = delete;
  SelfCheck& operator=(const SelfCheck&) = delete;

  // Makes no more checks, and waits for the one that is running. To be called while what is checked still exists.
  void Stop();

  // A line for each check that failed when it was last made, or hangs; empty if there is none.
  std::vector<std::string> Failing() const;
  // A line for each check that has not succeeded for so long that the program should be restarted.
  std::vector<std::string> NotAlive() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct State {
    Clock::time_point last_success;
    Clock::time_point started;
    bool running = false;
    std::string error;  // of the last time; empty if it succeeded
  };

  SelfCheck(std::vector<Check> checks, const Times& times);
  void Run();
  void Make(size_t number);
  std::string Problem(size_t number, Clock::time_point now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::vector<Check> checks_;
  const Times times_;
  mutable Mutex mutex_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<State> states_ ABSL_GUARDED_BY(mutex_);  // of each check
  std::thread thread_;
};

}  // namespace probegate
