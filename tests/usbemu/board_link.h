// The wire between a device and its board: a connection to a port of probegate-sim, whose packets are those of the
// emulated USB device, each behind a header of eight bytes (docs/simulator.md, "The probe"); beside them what the
// probe's SWO has for an endpoint of its own, which is asked for.
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
  struct Events {
    std::function<void(Bytes)> on_reply;  // the replies, in their order
    std::function<void(Bytes)> on_trace;  // the answers of AskTrace
    std::function<void()> on_lost;        // once, where the board closes the connection
  };

  // None of the events comes after Close() or the destructor, and none may destroy this object. Throws
  // std::runtime_error where nobody listens.
  BoardLink(asio::io_context& io, const BoardAddress& address, Events events);
  ~BoardLink();
  BoardLink(const BoardLink&) = delete;
  BoardLink& operator=(const BoardLink&) = delete;

  void Send(const Bytes& request);
  // Asks for up to so many bytes of SWO; those there are come at once. The first time it says that there is an
  // endpoint.
  void AskTrace(uint16_t most);
  void Close();

 private:
  struct State;
  void SendFrame(uint8_t type, const Bytes& contents);
  static void Receive(const std::shared_ptr<State>& state);
  static bool TakeReplies(State& state);
  static void Lose(State& state);

  std::shared_ptr<State> state_;
};

}  // namespace probegate::usbemu
