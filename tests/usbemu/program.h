// The program that runs under the emulated bus, as a child that usbemu ends with: its exit code becomes usbemu's,
// signals sent to usbemu are sent on to it, and what it leaves behind is killed.
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

// The variables that let a program see the bus below `root`, with their values; what `inherited` says of them is kept.
std::map<std::string, std::string> BusEnvironment(const std::string& root,
                                                  const std::function<const char*(const char*)>& inherited);

class Program {
 public:
  // Starts it. `without_override`: without the capability that lets it open what its mode forbids. `on_end` is called
  // with the exit code: the program's, or 128 and the number of the signal that ended it. Throws std::runtime_error,
  // with the reason, where it cannot be started.
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

// From now on what the program's own children leave behind becomes a child of this process.
void AdoptOrphans();
// Kills all children but `spared`, and theirs, and waits for them.
void KillOrphans(std::optional<pid_t> spared);

}  // namespace probegate::usbemu
