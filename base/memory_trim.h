// Gives memory that is no longer used back to the system, as long as this object lives.
//
// The allocator keeps most of what is freed, so that after an attack, or after one large transfer, a program would stay
// as large as it was at its largest. This looks every second, on a thread of its own, how much memory the program has
// and does not use, and asks the allocator to give back what it keeps (malloc_trim(3)) if that is much more than
// before.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>

#include "base/mutex.h"

namespace probegate {

// When memory is worth giving back. Some that is not used is never given back, such as code, so what matters is by how
// much it has grown. Sizes are in bytes. Threads: one at a time.
class TrimRule {
 public:
  // `unused`: what the program has and does not use now. `growth`: by how much that must grow.
  constexpr TrimRule(size_t unused, size_t growth) : growth_(growth), least_(unused) {}

  // Whether to trim, if `unused` is that now.
  constexpr bool IsDue(size_t unused) {
    least_ = std::min(least_, unused);
    return unused - least_ >= growth_;
  }
  // A trim has left `unused`.
  constexpr void OnTrimmed(size_t unused) { least_ = unused; }

 private:
  size_t growth_;
  size_t least_;  // unused bytes since the last trim
};

class MemoryTrim {
 public:
  // Starts the thread; std::system_error if the system has none left. `growth`: how many bytes more than before the
  // program must have unused.
  explicit MemoryTrim(std::chrono::milliseconds interval = std::chrono::seconds(1), size_t growth = size_t{8} << 20);
  ~MemoryTrim();
  MemoryTrim(const MemoryTrim&) = delete;
  MemoryTrim& operator=(const MemoryTrim&) = delete;

 private:
  void Run();
  void TrimIfDue();

  const std::chrono::milliseconds interval_;
  TrimRule rule_;  // the thread's

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// The bytes of this process that are in memory; 0 if the system does not say. Threads: any.
size_t ResidentBytes();

}  // namespace probegate
