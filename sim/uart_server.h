// A board's serial port as a TCP port: carries the bytes that the board's program sends to the client, and those that
// the client sends to the program, without framing or telnet. For nc, socat and the like.
//
// It serves one client at a time. Another one is refused, unless the first has already closed its end. Bytes that no
// client has read yet are kept, at least the last 64 KiB of them, so that a client that connects late still sees what
// the program sent at its start.
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

  // Listens on `endpoint` (port 0: any free port) and serves while `io` runs, which must be on one thread. `io` must
  // outlive it and must not be running when it is destroyed. `board` is the prefix of each log message. Throws
  // std::runtime_error if it cannot listen.
  UartServer(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint, std::shared_ptr<spdlog::logger> log,
             std::string board);
  ~UartServer();
  UartServer(const UartServer&) = delete;
  UartServer& operator=(const UartServer&) = delete;

  const asio::ip::tcp::endpoint& endpoint() const { return endpoint_; }

  // The returned function is to be called with each byte that the board sends. It does not wait, and may be called from
  // any thread, even after the server has been destroyed, as long as `io` exists.
  std::function<void(uint8_t)> Sender() const;

  // `received` is called with the bytes that a client has sent, on the thread of `io`. To be set while `io` is not
  // running.
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
