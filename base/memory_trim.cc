#include "base/memory_trim.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/file_descriptor.h"

namespace probegate {
namespace {

// The memory that this program has and does not use, in bytes: what the allocator keeps, and what is not allocated,
// such as code.
size_t UnusedBytes() {
  const struct mallinfo2 heap = ::mallinfo2();
  const size_t used = heap.uordblks + heap.hblkhd;
  return std::max(ResidentBytes(), used) - used;
}

}  // namespace

size_t ResidentBytes() {
  // The file stays open, so that this allocates nothing and works if the program has no file descriptor left. The
  // second number is the resident pages (proc(5)).
  static const FileDescriptor file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  char text[64] = {};
  if (::pread(file.number(), text, sizeof(text) - 1, 0) <= 0) return 0;
  const char* const resident = std::strchr(text, ' ');
  return resident == nullptr ? 0 : std::strtoull(resident, nullptr, 10) * static_cast<size_t>(::getpagesize());
}

MemoryTrim::MemoryTrim(std::chrono::milliseconds interval, size_t growth)
    : interval_(interval), rule_(UnusedBytes(), growth), thread_([this] { Run(); }) {}

MemoryTrim::~MemoryTrim() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void MemoryTrim::Run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + interval_);
    if (!stopping_) TrimIfDue();
  }
}

void MemoryTrim::TrimIfDue() {
  if (!rule_.IsDue(UnusedBytes())) return;
  ::malloc_trim(0);
  rule_.OnTrimmed(UnusedBytes());
}

}  // namespace probegate
