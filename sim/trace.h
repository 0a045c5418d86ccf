// A record of what a board does, as lines of a file. Each line begins with the cycle of simulated time of the event.
//
// Parts of the chip that report events have a pointer to the board's trace, which is null if there is none; checking it
// is all that tracing costs a board without a trace. docs/simulator.md has the table of events.
//
// Threads: the chip's rule, for the chip that is traced.
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
  // Replaces the file at `path`. `clock` must outlive it. Throws std::runtime_error if the file cannot be opened. If a
  // later write fails, that is logged and the trace ends.
  Trace(const SimClock& clock, const std::string& path, std::shared_ptr<spdlog::logger> log);
  // Completes the file.
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
  std::unique_ptr<std::FILE, Close> file_;  // null after a write has failed
  std::string line_;
};

}  // namespace probegate::sim
