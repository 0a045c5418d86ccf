// Threads for work that may block on the file system, so that no thread of gRPC does.
//
// If a disk stops, these threads stop with it, and work that comes later waits. Whoever hands in work therefore bounds
// how much of it there can be, and does not wait for it without a bound of its own.
//
// Threads: any.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace probegate {

class Workers {
 public:
  // Starts the threads; std::system_error if the system has none left.
  explicit Workers(size_t threads);
  // Does what Stop does.
  ~Workers() { Stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Calls `work` once, on one of the threads, in the order of the calls. Does not block.
  void Run(std::function<void()> work);

  // Does all that was handed in, and ends the threads. Blocks. What is handed in later is not done.
  void Stop();

 private:
  void Loop();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace probegate
