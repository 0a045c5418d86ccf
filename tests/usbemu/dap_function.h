// A CMSIS-DAP interface of a device, between USB's packets and those of the board: the part of a probe's firmware that
// fills and empties its endpoints. It knows no USB stack and no socket.
//
// A request ends with a USB packet that is shorter than its endpoint's maximum, or when it is as long as DAP_Info says
// that packets are. A reply over bulk endpoints is as long as it is, ended by an empty packet where it would otherwise
// have no end; over HID it is a report, filled up with zeros.
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

  // Whether it takes another packet: it holds as many requests and replies as DAP_Info says that it has room for. One
  // that aborts transfers, and so has no reply, is always taken.
  bool HasRoom(std::span<const uint8_t> packet) const;
  // Whether the board answers it at all: not DAP_TransferAbort.
  static bool HasReply(const Bytes& request);
  // A packet that has come by the OUT endpoint. Answers the request that it completes.
  std::optional<Bytes> Take(std::span<const uint8_t> packet);

  // The board's answer to the oldest request that has none. Fills the IN endpoint.
  void Reply(Bytes reply);

  // What the IN endpoint holds, packet by packet.
  std::deque<Bytes>& packets() { return packets_; }
  // One has been taken by the host.
  void Taken();

  // The device has been reset: what was under way is no more.
  void Reset();

 private:
  // What DAP_Info was asked, where that is what a request is.
  static std::optional<uint8_t> InfoAsked(const Bytes& request);
  void ChangeInfo(uint8_t id, Bytes& reply) const;

  const bool hid_;
  const Endpoint out_;
  const Endpoint in_;
  const DeviceSpec spec_;
  const unsigned packet_size_;                // as DAP_Info says it
  const unsigned buffer_size_;                // never 0
  Bytes request_;                             // as far as it has come
  std::deque<std::optional<uint8_t>> asked_;  // of requests that have no reply yet
  std::deque<Bytes> packets_;
  std::deque<size_t> replies_;  // how many packets each has left in packets_
};

}  // namespace probegate::usbemu
