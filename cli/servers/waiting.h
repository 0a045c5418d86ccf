// Watches how long the program waits for the server: explains the wait after some time, and gives up later.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "base/mutex.h"

namespace probegate {

// Threads: one at a time. The two functions are called on this object's own thread.
class Waiting {
 public:
  // `explain` is called once, when a wait has taken `patience`. `give_up` is called when a wait has taken `bound`, and
  // must make the wait end.
  Waiting(std::chrono::milliseconds patience, std::function<void()> explain, std::chrono::milliseconds bound,
          std::function<void()> give_up);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  // To be called before and after each wait.
  void Begin();
  void End();

  bool gave_up() const;

 private:
  using Clock = std::chrono::steady_clock;

  void Run();

  const std::chrono::milliseconds patience_;
  const std::function<void()> explain_;
  const std::chrono::milliseconds bound_;
  const std::function<void()> give_up_;

  mutable Mutex mutex_;
  CondVar changed_;
  Clock::time_point since_ ABSL_GUARDED_BY(mutex_) = Clock::time_point::max();  // max: no wait is in progress
  bool explained_ ABSL_GUARDED_BY(mutex_) = false;
  bool gave_up_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
