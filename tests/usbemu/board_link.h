// The wire between a device and its board: a connection to a port of probegate-sim. It carries the packets of the
// emulated USB device, each after a header of eight bytes (docs/simulator.md, "The probe"). If asked, it also carries
// the SWO data for a trace endpoint.
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
    std::function<void()> on_lost;        // once, if the board closes the connection
  };

  // No event follows Close() or the destructor, and no event may destroy this object. Throws std::runtime_error if no
  // program listens there.
  BoardLink(asio::io_context& io, const BoardAddress& address, Events events);
  ~BoardLink();
  BoardLink(const BoardLink&) = delete;
  BoardLink& operator=(const BoardLink&) = delete;

  void Send(const Bytes& request);
  // Asks for up to this many bytes of SWO data; those that are available come at once. The first call also tells the
  // board that there is a trace endpoint.
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
