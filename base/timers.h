// Calls functions at given times, on a thread of its own.
//
// For what must not wait for ever: an upload that stopped, a call that waits for a disk. The functions must not block,
// because all others would wait for them.
//
// Threads: any.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "base/mutex.h"

namespace probegate {

class Timers {
 public:
  using Clock = std::chrono::steady_clock;

  // Starts the thread; std::system_error if the system has none left.
  Timers();
  // Does what Stop does.
  ~Timers() { Stop(); }
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Calls `due` once, at `when` or soon after. Not if `owner` has gone by then; it is kept during the call.
  void At(Clock::time_point when, std::weak_ptr<void> owner, std::function<void()> due);

  // From now on, nothing is called. Waits for a call in progress.
  void Stop();

 private:
  struct Entry {
    std::weak_ptr<void> owner;
    std::function<void()> due;
  };
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::multimap<Clock::time_point, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
