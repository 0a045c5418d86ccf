// Ctrl-C and SIGTERM as the ordinary end of a program that would go on for ever.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "base/signals.h"

namespace probegate {

class EndOnSignal {
 public:
  // From here on SIGINT and SIGTERM end the program with code 0, at once, whatever it waits for; `last` is called
  // before, on a thread of its own. To be made before there are other threads.
  explicit EndOnSignal(std::function<void()> last);
  ~EndOnSignal();
  EndOnSignal(const EndOnSignal&) = delete;
  EndOnSignal& operator=(const EndOnSignal&) = delete;

 private:
  TerminationSignals signals_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace probegate
