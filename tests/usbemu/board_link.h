// The wire between a device and its board: a connection to a port of probegate-sim, whose packets are those of the
// emulated USB device, each behind a header of eight bytes (docs/simulator.md, "The probe").
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "asio/io_context.hpp"
#include "asio/ip/tcp.hpp"
#include "tests/usbemu/bytes.h"

namespace probegate::usbemu {

struct BoardAddress {
  std::string host;
  uint16_t port = 0;
};

class BoardLink {
 public:
  // `on_reply` gets the replies in their order, `on_lost` is called once where the board closes the connection; neither
  // after Close() or the destructor, and neither may destroy this object. Throws std::runtime_error where nobody
  // listens.
  BoardLink(asio::io_context& io, const BoardAddress& address, std::function<void(Bytes)> on_reply,
            std::function<void()> on_lost);
  ~BoardLink();
  BoardLink(const BoardLink&) = delete;
  BoardLink& operator=(const BoardLink&) = delete;

  void Send(const Bytes& request);
  void Close();

 private:
  struct State;
  static void Receive(const std::shared_ptr<State>& state);
  static bool TakeReplies(State& state);
  static void Lose(State& state);

  std::shared_ptr<State> state_;
};

}  // namespace probegate::usbemu
