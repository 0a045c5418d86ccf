// Asks a person at a terminal which probe to serve, as pyOCD does.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "asio/io_context.hpp"
#include "asio/posix/basic_stream_descriptor.hpp"
#include "gateway/net/net.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// Threads: any. The menu runs on a strand of `io`, which must have finished running before the menu is destroyed.
class Menu {
 public:
  using Chosen = std::function<void(std::optional<std::string> unique_id)>;

  explicit Menu(asio::io_context& io);

  // Whether there is a terminal to ask at. The process may have none, or no permission to open it.
  bool has_terminal() const { return input_.is_open(); }

  // Prints the list to standard output and reads the answer from the terminal, without blocking. Calls `chosen` with
  // a unique ID, or with nothing if the person quits. May be called once.
  void Ask(std::vector<v1::ProbeDescription> probes, Chosen chosen);

  // Cancels the question, even if Ask has not been called yet.
  void Cancel();

 private:
  void Print();
  void TakeLine(std::string line);

  // /dev/tty, opened separately: O_NONBLOCK applies to an open file description, and the shell shares that of standard
  // input.
  asio::posix::basic_stream_descriptor<Strand> input_;
  std::vector<v1::ProbeDescription> probes_;
  Chosen chosen_;
  std::string text_;
};

}  // namespace probegate
