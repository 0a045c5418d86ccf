// What a board does, as lines of a file: each begins with the cycle of simulated time at which it happened.
//
// Whoever has something to tell holds a pointer to the board's trace, which is null where none is kept: that test is
// all that a board without one pays. docs/simulator.md has the table of events.
//
// Threads: those of the chip whose trace it is, one at a time.
#pragma once

#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "sim/target/sim_clock.h"
#include "spdlog/fmt/fmt.h"

namespace spdlog {
class logger;
}

namespace probegate::sim {

class Trace {
 public:
  // Replaces the file at `path`. `clock` must outlive it. Throws std::runtime_error where the file cannot be written;
  // what cannot be written later is logged once, and the trace ends there.
  Trace(const SimClock& clock, const std::string& path, std::shared_ptr<spdlog::logger> log);
  // The file is complete once this is gone.
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  template <typename... Arguments>
  void Line(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    line_.clear();
    fmt::format_to(std::back_inserter(line_), "{} ", clock_.now());
    fmt::format_to(std::back_inserter(line_), text, std::forward<Arguments>(arguments)...);
    Write();
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void Write();
  void GiveUp();

  const SimClock& clock_;
  const std::string path_;
  const std::shared_ptr<spdlog::logger> log_;
  std::unique_ptr<std::FILE, Close> file_;  // null once it could not be written
  std::string line_;
};

}  // namespace probegate::sim
