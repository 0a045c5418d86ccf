// A CMSIS-DAP interface of a device, between USB's packets and those of the board: the part of a probe's firmware that
// fills and empties its endpoints. It uses neither a USB stack nor a socket.
//
// A request ends with a USB packet that is shorter than its endpoint's maximum, or when it is as long as the packet
// size in DAP_Info. A reply over a bulk endpoint is not padded, and is followed by an empty packet if the host could
// not detect its end otherwise. Over HID, a reply is a report padded with zeros.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>

#include "tests/usbemu/bytes.h"
#include "tests/usbemu/descriptors.h"
#include "tests/usbemu/device_spec.h"

namespace probegate::usbemu {

class DapFunction {
 public:
  DapFunction(const DeviceSpec& spec, const Interface& interface);

  uint8_t out_endpoint() const { return out_.address; }
  uint8_t in_endpoint() const { return in_.address; }
  bool is_hid() const { return hid_; }

  // Whether it takes another packet: it has room for as many requests and replies as DAP_Info says. DAP_TransferAbort,
  // which has no reply, is always taken.
  bool HasRoom(std::span<const uint8_t> packet) const;
  // Whether the board answers the request: all except DAP_TransferAbort.
  static bool HasReply(const Bytes& request);
  // Takes a packet from the OUT endpoint. Returns the request that it completes, if any.
  std::optional<Bytes> Take(std::span<const uint8_t> packet);

  // Takes the board's reply to the oldest unanswered request, and fills the IN endpoint with it.
  void Reply(Bytes reply);

  // The next packet in the IN endpoint.
  std::deque<Bytes>& packets() { return packets_; }
  // The host has taken that packet.
  void Taken();

  // The device has been reset: requests and replies are dropped.
  void Reset();

 private:
  // If the request is a DAP_Info: which information it asks for.
  static std::optional<uint8_t> InfoAsked(const Bytes& request);
  void ChangeInfo(uint8_t id, Bytes& reply) const;

  const bool hid_;
  const Endpoint out_;
  const Endpoint in_;
  const DeviceSpec spec_;
  const unsigned packet_size_;                // as reported by DAP_Info
  const unsigned buffer_size_;                // never 0
  Bytes request_;                             // the part that has arrived
  std::deque<std::optional<uint8_t>> asked_;  // for each request that has no reply yet
  std::deque<Bytes> packets_;
  std::deque<size_t> replies_;  // for each reply, how many of its packets are left in packets_
};

}  // namespace probegate::usbemu
