// Gives memory that is no longer used back to the system, as long as this object lives.
//
// The allocator keeps most of what is freed, so that after an attack, or after one large transfer, a program would stay
// as large as it was at its largest. This looks every few seconds, on a thread of its own, how much the allocator holds
// unused, and asks it to give that back (malloc_trim(3)) if it is much more than before. How large the program is does
// not tell: it may have grown by what it uses, and it does not grow when that is freed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>

#include "base/mutex.h"

namespace probegate {

// When memory is worth giving back. After a trim, the allocator still counts most of what it gave back as unused, so
// what matters is what was freed since. Sizes are in bytes. Threads: one at a time.
class TrimRule {
 public:
  // `unused`: what the allocator holds unused now. `growth`: by how much that must grow.
  constexpr TrimRule(size_t unused, size_t growth) : growth_(growth), least_(unused) {}

  // Whether to trim, if the allocator now holds `unused`.
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
  // allocator must hold unused.
  explicit MemoryTrim(std::chrono::milliseconds interval = std::chrono::seconds(2), size_t growth = size_t{8} << 20);
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
