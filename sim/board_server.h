// A board's TCP port: framing, latency, the faults that replies meet, plugging and unplugging.
//
// A board has a thread and an event loop of its own, beside the thread of its engine. The reply of a slow board is
// waited for to the microsecond, which blocks its loop for up to a millisecond; on a shared loop boards would delay
// each other. An idle board costs a thread that sleeps.
//
// A probe has one owner: a connection that comes while another is there is closed at once. Not so when the peer of the
// other has already closed it: then the new one takes its place. The packets of a connection are done one after
// another, each costing the latency, however many were sent at once.
//
// A connection that asks for the SWO stream has the probe's endpoint for it from then on: the probe offers it as long
// as the connection lasts. What it is answered costs nothing, and no fault befalls it.
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
    uint64_t packets = 0;      // requests taken
    uint64_t connections = 0;  // served
    uint64_t refused = 0;      // closed because there was one already
  };

  // Listens on `endpoint` (port 0: any) and serves from then on. Throws std::runtime_error where it cannot.
  BoardServer(unsigned index, std::unique_ptr<Board> board, const asio::ip::tcp::endpoint& endpoint,
              std::shared_ptr<spdlog::logger> log, Engine::Pace pace = Engine::Pace::kFast);
  // Closes everything, whatever is under way.
  ~BoardServer();
  BoardServer(const BoardServer&) = delete;
  BoardServer& operator=(const BoardServer&) = delete;

  unsigned index() const { return index_; }
  const asio::ip::tcp::endpoint& endpoint() const { return endpoint_; }
  const std::string& serial() const { return board_->device().serial(); }

  // Runs `function()` on the board's thread, between two packets, and returns what it returns. From any other thread;
  // blocks for as long as a packet takes. What is below may be used only inside.
  template <typename Function>
  auto Call(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    asio::post(io_, std::move(task));
    return result.get();
  }

  // The same with the board's engine stopped: for what asks or changes the chip.
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

  // Closes the connection and refuses others, or takes them again, on the same port. Plug throws std::runtime_error
  // when the port has been taken meanwhile.
  void Unplug();
  void Plug();

 private:
  struct Client;
  using TimePoint = std::chrono::steady_clock::time_point;

  asio::awaitable<void> AcceptClients();
  void TakeClient(asio::ip::tcp::socket socket);
  asio::awaitable<void> Serve(std::shared_ptr<Client> client);
  std::span<const Reply> Process(std::span<const uint8_t> packet);
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
