// The seam to USB: which devices there are, and how bytes reach them. What is behind it knows libusb
// (probe/usb/libusb_bus.h); what is in front of it knows no library.
//
// Everything taken is an object and given back with it: a Device closes, a Claim releases its interface and gives the
// kernel's driver back, a Pipe ends its transfers. A Claim must not outlive its Device, nor a Pipe its Claim.
//
// Threads: Bus from any thread. Device, Claim and Pipe one thread at a time, which may be another one each time; what
// they wait for is done on a thread of the bus's.
//
// Errors: kProbeDisconnected when the device is gone; kBusy when another program has it; kUnsupported where this
// program may not open it; kProbeError when the device refuses (a stalled endpoint) or sends what it must not.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probe/usb/descriptors.h"

namespace probegate::usb {

using TimePoint = std::chrono::steady_clock::time_point;

// A device that is plugged in, as far as it can be known without opening it where the system allows that.
struct DeviceInfo {
  // Names this stay of the device on the bus, and never another. Where it had a problem and has none any more, e.g. as
  // it was given a configuration, that is another stay.
  uint64_t plug = 0;
  std::string path;  // bus and ports, the same each time the device is at this place: "1-4.2"
  std::string node;  // the file it is opened by, for messages: "/dev/bus/usb/001/004"
  DeviceDescriptor descriptor;
  std::string manufacturer;
  std::string product;
  std::string serial;
  Configuration configuration;  // the active one, its interfaces with their names
  absl::Status problem;         // why not all of this is known
  bool settled = true;          // false while the system still sets the device up: look again soon
};

enum class Direction : uint8_t { kOut, kIn };

// A request on the control endpoint (USB 2.0 §9.3) without its data.
struct ControlSetup {
  uint8_t request_type = 0;
  uint8_t request = 0;
  uint16_t value = 0;
  uint16_t index = 0;
};

// The transfers of one endpoint, in order: any number may be under way.
class Pipe {
 public:
  // Cancels what is under way, and waits for that.
  virtual ~Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  // Starts a transfer of `bytes` to the device. `end_short`: where that ends on a packet's boundary, an empty packet
  // follows, so that the device sees the end. Does not wait.
  virtual absl::Status Write(absl::Span<const uint8_t> bytes, bool end_short) = 0;

  // Starts a transfer of up to `size` bytes from the device, which ends with the first packet that is not full.
  virtual absl::Status Read(size_t size) = 0;

  // Transfers that were started and not taken.
  virtual size_t started() const = 0;

  // Takes the oldest once it has ended: what came in, or what went out; none when `deadline` passed first. The view is
  // good until the next call.
  virtual absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Take(TimePoint deadline) = 0;

  // Cancels all that were started and forgets them.
  virtual void Cancel() = 0;

  // Cancels, then takes the endpoint out of a stall.
  virtual absl::Status Clear() = 0;

 protected:
  Pipe() = default;
};

// An interface that this program has to itself.
class Claim {
 public:
  virtual ~Claim() = default;
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  virtual std::unique_ptr<Pipe> OpenPipe(const Endpoint& endpoint) = 0;

 protected:
  Claim() = default;
};

// A device that is open.
class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // False once it is known to be gone. Does not wait.
  virtual bool present() const = 0;

  // Takes an interface, from the kernel's driver too, which has it back when the claim ends.
  virtual absl::StatusOr<std::unique_ptr<Claim>> TakeInterface(uint8_t number) = 0;

  // One request on the control endpoint, waited for. The number of bytes that came in; for data that goes out, all of
  // it or an error.
  virtual absl::StatusOr<size_t> ControlIn(const ControlSetup& setup, absl::Span<uint8_t> data,
                                           std::chrono::milliseconds bound) = 0;
  virtual absl::Status ControlOut(const ControlSetup& setup, absl::Span<const uint8_t> data,
                                  std::chrono::milliseconds bound) = 0;

  // Resets the device's port. No interface may be claimed. Whatever else uses the device is disturbed.
  virtual absl::Status Reset() = 0;

 protected:
  Device() = default;
};

class Bus {
 public:
  virtual ~Bus() = default;
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // What is plugged in now, in no order. Reads small files, and may open a device that has told nothing yet.
  virtual std::vector<DeviceInfo> List() = 0;

  // Opens a device of List's.
  virtual absl::StatusOr<std::unique_ptr<Device>> Open(uint64_t plug) = 0;

  // How changes are noticed, for the log.
  virtual std::string watched_by() const = 0;

 protected:
  Bus() = default;
};

// Makes a bus that calls `on_change` when devices come or go, or may have: on a thread of its own, never again once the
// bus is destroyed. `on_change` must not block.
using BusOpener = std::function<absl::StatusOr<std::unique_ptr<Bus>>(std::function<void()> on_change)>;

}  // namespace probegate::usb
