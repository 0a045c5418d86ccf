#include "cli/end_on_signal.h"

#include <csignal>
#include <cstdlib>
#include <utility>

namespace probegate {

EndOnSignal::EndOnSignal(std::function<void()> last)
    : thread_([this, last = std::move(last)] {
        signals_.Wait();
        if (over_) return;
        last();
        // No destructors run, because other threads may be using any object.
        std::_Exit(0);
      }) {}

EndOnSignal::~EndOnSignal() {
  over_ = true;
  // The thread has the signal blocked and waits for it.
  pthread_kill(thread_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
  thread_.join();
}

}  // namespace probegate
