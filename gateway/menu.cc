#include "gateway/menu.h"

#include <fcntl.h>

#include <charconv>
#include <cstdio>
#include <utility>

#include "asio/buffer.hpp"
#include "asio/dispatch.hpp"
#include "asio/read_until.hpp"
#include "base/file_descriptor.h"
#include "base/printable.h"

namespace probegate {

Menu::Menu(asio::io_context& io) : input_(asio::make_strand(io)) {
  FileDescriptor terminal(::open("/dev/tty", O_RDONLY | O_CLOEXEC));
  if (!terminal.ok()) return;
  asio::error_code error;
  input_.assign(terminal.number(), error);
  if (!error) terminal.Release();
}

void Menu::Ask(std::vector<v1::ProbeDescription> probes, Chosen chosen) {
  asio::dispatch(input_.get_executor(), [this, probes = std::move(probes), chosen = std::move(chosen)]() mutable {
    if (!input_.is_open()) return;
    probes_ = std::move(probes);
    chosen_ = std::move(chosen);
    Print();
  });
}

void Menu::Cancel() {
  asio::dispatch(input_.get_executor(), [this] {
    asio::error_code ignored;
    input_.close(ignored);
  });
}

void Menu::Print() {
  std::printf("\n  #   Probe                                    Unique ID\n");
  for (size_t i = 0; i < probes_.size(); ++i) {
    std::printf("%3zu   %-40s %s\n", i, Printable(probes_[i].description()).c_str(),
                Printable(probes_[i].unique_id()).c_str());
  }
  std::printf("\nEnter the number of the debug probe or 'q' to quit> ");
  std::fflush(stdout);
  asio::async_read_until(input_, asio::dynamic_buffer(text_), '\n', [this](asio::error_code error, size_t size) {
    if (error == asio::error::operation_aborted) return;
    std::string line = error ? "q" : text_.substr(0, size);
    text_.erase(0, size);
    TakeLine(std::move(line));
  });
}

void Menu::TakeLine(std::string line) {
  while (!line.empty() && line.back() <= ' ') line.pop_back();
  if (line == "q" || line == "Q") {
    chosen_(std::nullopt);
    return;
  }
  size_t number = 0;
  const auto result = std::from_chars(line.data(), line.data() + line.size(), number);
  if (result.ec != std::errc() || result.ptr != line.data() + line.size() || number >= probes_.size()) {
    std::printf("Invalid choice: %s\n", line.c_str());
    Print();
    return;
  }
  chosen_(probes_[number].unique_id());
}

}  // namespace probegate
