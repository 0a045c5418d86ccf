// The control port's socket: reads and writes lines, which Control interprets.
#pragma once

#include <cstddef>
#include <memory>

#include "asio/awaitable.hpp"
#include "asio/io_context.hpp"
#include "asio/ip/tcp.hpp"
#include "sim/control.h"

namespace spdlog {
class logger;
}

namespace probegate::sim {

inline constexpr size_t kMaxControlLine = 64 * 1024;

class ControlServer {
 public:
  // Listens on `endpoint` and serves any number of connections while `io` runs, which must be on one thread. A line
  // longer than kMaxControlLine is answered with an error and ends its connection. `io` and `control` must outlive it.
  // Throws std::runtime_error if it cannot listen, and std::invalid_argument if the address is not a loopback address,
  // since anyone who can connect to the port controls the boards.
  ControlServer(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint, const Control& control,
                std::shared_ptr<spdlog::logger> log);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  asio::awaitable<void> AcceptClients();
  asio::awaitable<void> Serve(asio::ip::tcp::socket socket);

  const Control& control_;
  const std::shared_ptr<spdlog::logger> log_;
  asio::ip::tcp::acceptor acceptor_;
};

}  // namespace probegate::sim
