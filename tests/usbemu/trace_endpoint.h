// The SWO endpoint of a v2 interface: the data that the firmware has put into it, and the host has not taken yet. It
// uses neither a USB stack nor a socket.
//
// While the endpoint holds data, further data stays in the probe's buffer, and is lost if that is full. As on a probe,
// data in the endpoint stays there even if the capture is stopped.
#pragma once

#include <deque>

#include "tests/usbemu/bytes.h"
#include "tests/usbemu/descriptors.h"

namespace probegate::usbemu {

class TraceEndpoint {
 public:
  explicit TraceEndpoint(const Endpoint& endpoint) : address_(endpoint.address), max_packet_(endpoint.max_packet) {}

  uint8_t address() const { return address_; }

  // Splits the data into packets of the endpoint's maximum size, and a shorter one for the rest. No empty packet
  // follows.
  void Fill(const Bytes& bytes);

  std::deque<Bytes>& packets() { return packets_; }

 private:
  const uint8_t address_;
  const size_t max_packet_;
  std::deque<Bytes> packets_;
};

}  // namespace probegate::usbemu
