// The program that runs under the emulated bus, as a child. When it ends, usbemu ends with the same exit code. Signals
// sent to usbemu are passed on to it, and processes that it leaves behind are killed.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "asio/io_context.hpp"
#include "asio/signal_set.hpp"

namespace probegate::usbemu {

// The environment variables that let a program see the bus below `root`, with their values. Values of these variables
// in `inherited` are kept, too.
std::map<std::string, std::string> BusEnvironment(const std::string& root,
                                                  const std::function<const char*(const char*)>& inherited);

class Program {
 public:
  // Starts the program. `without_override`: without the capability to open files whose mode forbids it. `on_end` is
  // called with the program's exit code, or 128 plus the number of the signal that ended it. Throws std::runtime_error
  // with the reason if it cannot be started.
  Program(asio::io_context& io, const std::vector<std::string>& words,
          const std::map<std::string, std::string>& environment, bool without_override,
          std::function<void(int code)> on_end);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void Signal(int number) const;

 private:
  void WaitForChild();

  pid_t pid_ = -1;
  std::function<void(int)> on_end_;
  asio::signal_set child_;
};

// From now on, orphaned descendants of the program become children of this process.
void AdoptOrphans();
// Kills all children except `spared`, and their descendants, and waits for them.
void KillOrphans(std::optional<pid_t> spared);

}  // namespace probegate::usbemu
