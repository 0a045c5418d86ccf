// Gives memory that is no longer used back to the system, as long as this object lives.
//
// The allocator keeps most of what is freed, so that after an attack, or after one large transfer, a program would stay
// as large as it was at its largest. This looks every few seconds, on a thread of its own, and asks the allocator to
// give back what it keeps (malloc_trim(3)) if the program has grown since the last time.
#pragma once

#include <chrono>
#include <cstddef>
#include <thread>

#include "base/mutex.h"

namespace probegate {

class MemoryTrim {
 public:
  // Starts the thread; std::system_error if the system has none left. `growth`: how many bytes the program must have
  // grown, and the allocator must keep unused.
  explicit MemoryTrim(std::chrono::milliseconds interval = std::chrono::seconds(2), size_t growth = size_t{8} << 20);
  ~MemoryTrim();
  MemoryTrim(const MemoryTrim&) = delete;
  MemoryTrim& operator=(const MemoryTrim&) = delete;

 private:
  void Run();
  void TrimIfGrown();

  const std::chrono::milliseconds interval_;
  const size_t growth_;
  size_t resident_ = 0;  // the thread's: bytes after it last trimmed

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// The bytes of this process that are in memory; 0 if the system does not say. Threads: any.
size_t ResidentBytes();

}  // namespace probegate
