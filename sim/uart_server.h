// A board's serial port on a TCP port: what the board's program sends comes out, byte for byte, and what a client sends
// goes in. No framing, no telnet: for nc, socat and the like.
//
// One client at a time; another is turned away, but not where the one before has closed its end. What nobody has read
// yet waits, the last 64 KiB of it at least: so a client that comes late still sees what the program has said at its
// start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "asio/awaitable.hpp"
#include "asio/io_context.hpp"
#include "asio/ip/tcp.hpp"

namespace spdlog {
class logger;
}

namespace probegate::sim {

class UartServer {
 public:
  static constexpr size_t kWaitingBytes = 64 * 1024;

  // Listens on `endpoint` (port 0: any) and serves while `io` runs, which must be on one thread and outlive it; to be
  // destroyed while it does not run. `board` begins each line of the log. Throws std::runtime_error where it cannot
  // listen.
  UartServer(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint, std::shared_ptr<spdlog::logger> log,
             std::string board);
  ~UartServer();
  UartServer(const UartServer&) = delete;
  UartServer& operator=(const UartServer&) = delete;

  const asio::ip::tcp::endpoint& endpoint() const { return endpoint_; }

  // What it returns is to be called with each byte that the board sends: from any thread, also when the server is gone
  // but not when `io` is. It does not wait.
  std::function<void(uint8_t)> Sender() const;

  // `received` is called with what a client has sent, on the thread of `io`. To be set while that does not run.
  void OnReceive(std::function<void(std::span<const uint8_t>)> received) { received_ = std::move(received); }

 private:
  struct Client;
  struct Outbox;

  asio::awaitable<void> AcceptClients();
  asio::awaitable<void> Read(std::shared_ptr<Client> client);
  asio::awaitable<void> Write(std::shared_ptr<Client> client);
  void Close(Client& client);

  const std::shared_ptr<spdlog::logger> log_;
  const std::string board_;
  asio::ip::tcp::acceptor acceptor_;
  const asio::ip::tcp::endpoint endpoint_;
  const std::shared_ptr<Outbox> outbox_;
  std::function<void(std::span<const uint8_t>)> received_;
  std::shared_ptr<Client> client_;
};

}  // namespace probegate::sim
