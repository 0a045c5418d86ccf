// The endpoint for SWO of a v2 interface: what the firmware has put into it, and the host has not taken yet. It knows
// no USB stack and no socket.
//
// While it holds anything the rest stays in the probe's buffer, and gets lost there when that is full. What is in the
// endpoint stays in it whatever becomes of the capture, as on a probe.
#pragma once

#include <deque>

#include "tests/usbemu/bytes.h"
#include "tests/usbemu/descriptors.h"

namespace probegate::usbemu {

class TraceEndpoint {
 public:
  explicit TraceEndpoint(const Endpoint& endpoint) : address_(endpoint.address), max_packet_(endpoint.max_packet) {}

  uint8_t address() const { return address_; }

  // Packets as long as the endpoint takes them, and a shorter one for the rest; no empty one behind.
  void Fill(const Bytes& bytes);

  std::deque<Bytes>& packets() { return packets_; }

 private:
  const uint8_t address_;
  const size_t max_packet_;
  std::deque<Bytes> packets_;
};

}  // namespace probegate::usbemu
