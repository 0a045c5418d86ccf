// The control socket: receives and sends lines. Control carries them out.
#pragma once

#include <string>

#include "asio/io_context.hpp"
#include "asio/local/stream_protocol.hpp"
#include "tests/usbemu/control.h"

namespace probegate::usbemu {

inline constexpr size_t kMaxControlLine = 64 * 1024;

class ControlServer {
 public:
  // Listens on a unix socket at `path`, which must not exist yet, and accepts any number of connections while `io`
  // runs. A line longer than kMaxControlLine ends its connection. `control` must outlive `io`'s handlers. Throws
  // std::runtime_error.
  ControlServer(asio::io_context& io, const std::string& path, Control& control);
  // Removes the socket.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  void Accept();

  const std::string path_;
  Control& control_;
  asio::local::stream_protocol::acceptor acceptor_;
};

}  // namespace probegate::usbemu
