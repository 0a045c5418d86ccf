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

// Threads: any; it runs on a strand of `io`, which must have finished running before it goes.
class Menu {
 public:
  using Chosen = std::function<void(std::optional<std::string> unique_id)>;

  explicit Menu(asio::io_context& io);

  // Whether there is a terminal to ask at: the process may have none, or be denied it.
  bool has_terminal() const { return input_.is_open(); }

  // Prints the list to standard output and reads the answer from the terminal, without blocking. Calls `chosen` with
  // a unique id, or with nothing where the person quits. To be asked once.
  void Ask(std::vector<v1::ProbeDescription> probes, Chosen chosen);

  // Takes the question back, also one that is not asked yet.
  void Cancel();

 private:
  void Print();
  void TakeLine(std::string line);

  // The terminal opened anew: O_NONBLOCK belongs to an open file, and that of standard input is shared with the shell.
  asio::posix::basic_stream_descriptor<Strand> input_;
  std::vector<v1::ProbeDescription> probes_;
  Chosen chosen_;
  std::string text_;
};

}  // namespace probegate
