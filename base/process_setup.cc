#include "base/process_setup.h"

#include <malloc.h>

#include "absl/synchronization/mutex.h"

namespace probegate {

void SetUpProcess() {
  // glibc gives each thread a heap of its own, up to eight per CPU. The threads of these programs are many and allocate
  // little, so more heaps would only cost resident memory.
  mallopt(M_ARENA_MAX, 2);
  // Debian's Abseil looks for deadlocks each time that a lock is taken, which costs time. The tests do it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace probegate
