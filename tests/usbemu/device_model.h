// A USB device without its cable: control requests and packets in, packets out. Nothing here knows a bus, a socket or
// time, and nothing waits: what cannot be taken is refused (NAK), and what the board is to do is handed over.
//
// Chapter 9's standard requests, and those of the HID, CDC and mass storage classes that hosts use.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "tests/usbemu/bytes.h"
#include "tests/usbemu/dap_function.h"
#include "tests/usbemu/descriptors.h"
#include "tests/usbemu/device_spec.h"
#include "tests/usbemu/trace_endpoint.h"

namespace probegate::usbemu {

// The eight bytes that a control transfer begins with.
struct Setup {
  uint8_t type = 0;  // bit 7: device to host
  uint8_t request = 0;
  uint16_t value = 0;
  uint16_t index = 0;
  uint16_t length = 0;

  static Setup Parse(std::span<const uint8_t, 8> bytes);
};

class DeviceModel {
 public:
  // `send` gives a request to the board. The spec's serial number is filled in.
  DeviceModel(const DeviceSpec& spec, Speed speed, std::function<void(const Bytes&)> send);
  // The root hub.
  DeviceModel();

  const Descriptors& descriptors() const { return descriptors_; }
  const Endpoint* FindEndpoint(uint8_t address) const;

  // A control transfer with its OUT data. Answers its IN data; nothing where it is stalled.
  std::optional<Bytes> Control(const Setup& setup, const Bytes& data);

  // A packet on an OUT endpoint that is one of the device's. False: not now (NAK).
  bool Out(uint8_t endpoint, std::span<const uint8_t> packet);
  // The next packet of an IN endpoint, until TakenIn; null: none now (NAK).
  const Bytes* NextIn(uint8_t endpoint);
  void TakenIn(uint8_t endpoint);

  // The endpoint for what the board's SWO has; nothing where it has none. Of several the first.
  std::optional<uint8_t> trace_endpoint() const;
  // Such bytes have come. Fills that endpoint.
  void Trace(const Bytes& bytes);

  // The board's next reply, which goes to the interface that has waited longest.
  void Reply(Bytes reply);

  // Endpoints halted, by the device or on request of the host.
  bool halted(uint8_t endpoint) const { return halted_.contains(endpoint); }
  void SetHalted(uint8_t endpoint, bool halted);

  // The firmware hangs: it takes what it is sent and does nothing about it, until the bus is reset.
  void Hang() { hung_ = true; }
  bool hung() const { return hung_; }

  // The bus has been reset.
  void Reset();

 private:
  DapFunction* Find(uint8_t endpoint);
  std::optional<Bytes> GetDescriptor(const Setup& setup) const;
  std::optional<Bytes> Standard(const Setup& setup);
  std::optional<Bytes> Class(const Setup& setup, const Bytes& data);

  Descriptors descriptors_;
  std::deque<DapFunction> functions_;
  std::optional<TraceEndpoint> trace_;
  std::deque<DapFunction*> waiting_;  // for a reply each, in the order of their requests; null: nobody any more
  std::set<uint8_t> halted_;
  bool hung_ = false;
  Bytes line_coding_ = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8};  // 115200 baud, 8N1
  std::function<void(const Bytes&)> send_;
};

}  // namespace probegate::usbemu
