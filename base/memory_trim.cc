#include "base/memory_trim.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

namespace probegate {

size_t ResidentBytes() {
  // The second number is the resident pages (proc(5)).
  FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long pages = 0;
  const int read = std::fscanf(file, "%*u %lu", &pages);
  std::fclose(file);
  return read == 1 ? pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

MemoryTrim::MemoryTrim(std::chrono::milliseconds interval, size_t growth)
    : interval_(interval), growth_(growth), resident_(ResidentBytes()), thread_([this] { Run(); }) {}

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
    if (!stopping_) TrimIfGrown();
  }
}

void MemoryTrim::TrimIfGrown() {
  if (ResidentBytes() < resident_ + growth_ || ::mallinfo2().fordblks < growth_) return;
  ::malloc_trim(0);
  resident_ = ResidentBytes();
}

}  // namespace probegate
