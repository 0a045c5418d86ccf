// A USB device without its cable: control requests and packets in, packets out. It uses neither a bus nor a socket nor
// a clock, and never waits: a packet that cannot be taken is refused (NAK), and requests to the board are handed over.
//
// It implements chapter 9's standard requests, and those of the HID, CDC and mass storage classes that hosts use.
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

// The eight bytes with which a control transfer begins.
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

  // Carries out a control transfer with its OUT data. Returns its IN data, or nothing if it is stalled.
  std::optional<Bytes> Control(const Setup& setup, const Bytes& data);

  // Takes a packet on one of the device's OUT endpoints. False: not now (NAK).
  bool Out(uint8_t endpoint, std::span<const uint8_t> packet);
  // The next packet of an IN endpoint, valid until TakenIn; null: none now (NAK).
  const Bytes* NextIn(uint8_t endpoint);
  void TakenIn(uint8_t endpoint);

  // The first trace endpoint, for the board's SWO data; nothing if the device has none.
  std::optional<uint8_t> trace_endpoint() const;
  // SWO data has arrived: puts it into the trace endpoint.
  void Trace(const Bytes& bytes);

  // Takes the board's next reply, which goes to the interface that has waited longest.
  void Reply(Bytes reply);

  // Whether an endpoint is halted, by the device or at the host's request.
  bool halted(uint8_t endpoint) const { return halted_.contains(endpoint); }
  void SetHalted(uint8_t endpoint, bool halted);

  // The firmware hangs: until the bus is reset, it takes all packets and ignores them.
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
  std::deque<DapFunction*> waiting_;  // for a reply each, in the order of the requests; null: the reply is dropped
  std::set<uint8_t> halted_;
  bool hung_ = false;
  Bytes line_coding_ = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8};  // 115200 baud, 8N1
  std::function<void(const Bytes&)> send_;
};

}  // namespace probegate::usbemu
