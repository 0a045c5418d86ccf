// Asks a person at a terminal which probe to serve, as pyOCD does.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "asio/io_context.hpp"
#include "asio/posix/stream_descriptor.hpp"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// Threads: those of `io`, one at a time. Must outlive the question.
class Menu {
 public:
  using Chosen = std::function<void(std::optional<std::string> unique_id)>;

  explicit Menu(asio::io_context& io);

  // Prints the list to standard output and reads the answer from standard input, without blocking. Calls `chosen` with
  // a unique id, or with nothing where the person quits. To be asked once.
  void Ask(std::vector<v1::ProbeDescription> probes, Chosen chosen);

  // Takes the question back.
  void Cancel();

 private:
  void Print();
  void TakeLine(std::string line);

  asio::posix::stream_descriptor input_;
  std::vector<v1::ProbeDescription> probes_;
  Chosen chosen_;
  std::string text_;
};

}  // namespace probegate
