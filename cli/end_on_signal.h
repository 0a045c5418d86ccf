// Makes Ctrl-C and SIGTERM the ordinary end of a program that would otherwise run forever.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "base/signals.h"

namespace probegate {

class EndOnSignal {
 public:
  // From now on, SIGINT and SIGTERM end the program with exit code 0, at once, whatever it is waiting for. Before that,
  // `last` is called on a thread of its own. To be constructed before the program starts other threads.
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
