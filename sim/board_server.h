// A board's TCP port: framing, latency, faults injected into replies, plugging and unplugging.
//
// A board with the quirk packet-buffers takes a millisecond for each packet and loses what arrives meanwhile and finds
// no buffer. Without it, packets wait in the socket, so that none is lost.
//
// Each board has a thread and an event loop of its own, in addition to the thread of its engine. With a latency,
// replies are timed to the microsecond, which blocks the loop for up to a millisecond; on a shared loop boards would
// delay each other. An idle board costs one sleeping thread.
//
// A probe has one owner: while there is a connection, another one is closed immediately, unless the peer of the first
// has already closed it; then the new one takes its place. The packets of a connection are executed one after another,
// and each takes the latency, however many are sent at once.
//
// A connection that requests the SWO stream gets the probe's endpoint for it: from then on, until the connection ends,
// the probe offers the stream. Answers to such requests have no latency, and faults do not apply to them.
#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "asio/awaitable.hpp"
#include "asio/io_context.hpp"
#include "asio/ip/tcp.hpp"
#include "asio/post.hpp"
#include "sim/board.h"
#include "sim/engine.h"

namespace spdlog {
class logger;
}

namespace probegate::sim {

class BoardServer {
 public:
  struct Counters {
    uint64_t packets = 0;      // requests received
    uint64_t connections = 0;  // connections accepted
    uint64_t refused = 0;      // connections closed because there was one already
    uint64_t lost = 0;         // packets for which the probe had no buffer
  };

  // Listens on `endpoint` (port 0: any free port) and serves from then on. Throws std::runtime_error if it cannot.
  BoardServer(unsigned index, std::unique_ptr<Board> board, const asio::ip::tcp::endpoint& endpoint,
              std::shared_ptr<spdlog::logger> log, Engine::Pace pace = Engine::Pace::kFast);
  // Closes everything, without waiting for packets in progress.
  ~BoardServer();
  BoardServer(const BoardServer&) = delete;
  BoardServer& operator=(const BoardServer&) = delete;

  unsigned index() const { return index_; }
  const asio::ip::tcp::endpoint& endpoint() const { return endpoint_; }
  const std::string& serial() const { return board_->device().serial(); }

  // Runs `function()` on the board's thread, between two packets, and returns its result. May be called from any other
  // thread; blocks for as long as a packet takes. The members below may be used only inside `function`.
  template <typename Function>
  auto Call(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    asio::post(io_, std::move(task));
    return result.get();
  }

  // The same with the board's engine stopped, for functions that read or change the chip.
  template <typename Function>
  auto CallStopped(Function function) {
    return Call([this, function = std::move(function)] {
      const Engine::Stop stop(engine_);
      return function();
    });
  }

  Board& board() { return *board_; }
  const Counters& counters() const { return counters_; }
  bool plugged() const { return acceptor_.is_open(); }
  bool has_client() const { return client_ != nullptr; }

  // Unplug closes the connection and refuses others; Plug accepts them again, on the same port, and throws
  // std::runtime_error if the port is now in use by someone else.
  void Unplug();
  void Plug();

  // The target loses its power and gets it back; a probe that has its power from there does so too.
  void PowerCycle();

 private:
  struct Client;
  using TimePoint = std::chrono::steady_clock::time_point;

  asio::awaitable<void> AcceptClients();
  void TakeClient(asio::ip::tcp::socket socket);
  asio::awaitable<void> Serve(std::shared_ptr<Client> client);
  std::span<const Reply> Process(std::span<const uint8_t> packet);
  asio::awaitable<void> WorkAndLosePackets(Client& client, TimePoint due);
  asio::awaitable<bool> SendReply(Client& client, const Reply& reply, TimePoint due);
  void OfferStream(bool offered);
  asio::awaitable<bool> SendTrace(Client& client, std::span<const uint8_t> request);
  asio::awaitable<void> WaitFor(Client& client, TimePoint due);
  void Close(Client& client);
  void Run();

  const unsigned index_;
  const std::unique_ptr<Board> board_;
  const std::shared_ptr<spdlog::logger> log_;
  const Engine::Pace pace_;
  Engine engine_;
  asio::io_context io_{1};
  asio::ip::tcp::acceptor acceptor_;
  const asio::ip::tcp::endpoint endpoint_;
  std::shared_ptr<Client> client_;
  Counters counters_;
  std::thread thread_;
};

}  // namespace probegate::sim
