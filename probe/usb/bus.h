// The interface to USB: which devices there are, and how bytes reach them. Only its implementation uses libusb
// (probe/usb/libusb_bus.h); its users know no library.
//
// Each resource is an object, and is given back when the object is destroyed: a Device closes, a Claim releases its
// interface and returns it to the kernel's driver, a Pipe ends its transfers. A Claim must not outlive its Device, nor
// a Pipe its Claim.
//
// Threads: Bus from any thread. Device, Claim and Pipe from one thread at a time, not always the same one; the
// transfers that they wait for complete on the bus's thread.
//
// Errors: kProbeDisconnected if the device is gone; kBusy if another program uses it; kUnsupported if this program has
// no permission to open it; kProbeError if the device refuses (a stalled endpoint) or sends too much.
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

// What is known about a device that is plugged in; if the system permits, without opening it.
struct DeviceInfo {
  // Identifies this stay of the device on the bus; never reused. If the device had a problem that is now solved, e.g.
  // because it has been given a configuration, that counts as a new stay.
  uint64_t plug = 0;
  std::string path;  // bus and ports, the same each time a device is plugged in at this place: "1-4.2"
  std::string node;  // the file by which it is opened, for messages: "/dev/bus/usb/001/004"
  DeviceDescriptor descriptor;
  std::string manufacturer;
  std::string product;
  std::string serial;
  Configuration configuration;  // the active one, with its interfaces' names
  absl::Status problem;         // why some of this is not known
  bool settled = true;          // false while the system is still setting up the device: look again soon
};

enum class Direction : uint8_t { kOut, kIn };

// A request on the control endpoint (USB 2.0 §9.3) without its data.
struct ControlSetup {
  uint8_t request_type = 0;
  uint8_t request = 0;
  uint16_t value = 0;
  uint16_t index = 0;
};

// The transfers of one endpoint, in order. Any number may be in progress.
class Pipe {
 public:
  // Cancels the transfers in progress, and waits until they have ended.
  virtual ~Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  // Starts a transfer of `bytes` to the device. `end_short`: if the last packet is full, an empty packet follows it, so
  // that the device sees the end. Does not wait.
  virtual absl::Status Write(absl::Span<const uint8_t> bytes, bool end_short) = 0;

  // Starts a transfer of up to `size` bytes from the device. It ends with the first packet that is not full.
  virtual absl::Status Read(size_t size) = 0;

  // The number of transfers that were started and not yet taken.
  virtual size_t started() const = 0;

  // Waits until the oldest transfer has ended and takes it: the bytes that came in, or went out; nothing if `deadline`
  // passed first. The view is valid until the next call.
  virtual absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Take(TimePoint deadline) = 0;

  // Cancels and forgets all started transfers.
  virtual void Cancel() = 0;

  // Cancels all transfers, then clears the endpoint's stall.
  virtual absl::Status Clear() = 0;

 protected:
  Pipe() = default;
};

// An interface that this program has claimed for itself.
class Claim {
 public:
  virtual ~Claim() = default;
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  virtual std::unique_ptr<Pipe> OpenPipe(const Endpoint& endpoint) = 0;

 protected:
  Claim() = default;
};

// An open device.
class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // False once the device is known to be gone. Does not wait.
  virtual bool present() const = 0;

  // Claims an interface. If the kernel's driver has it, the driver gets it back when the claim ends.
  virtual absl::StatusOr<std::unique_ptr<Claim>> TakeInterface(uint8_t number) = 0;

  // Make one request on the control endpoint, and wait for it. ControlIn returns the number of bytes that came in;
  // ControlOut sends all of `data` or returns an error.
  virtual absl::StatusOr<size_t> ControlIn(const ControlSetup& setup, absl::Span<uint8_t> data,
                                           std::chrono::milliseconds bound) = 0;
  virtual absl::Status ControlOut(const ControlSetup& setup, absl::Span<const uint8_t> data,
                                  std::chrono::milliseconds bound) = 0;

  // Resets the device's port. No interface may be claimed. This disturbs any other user of the device.
  virtual absl::Status Reset() = 0;

 protected:
  Device() = default;
};

class Bus {
 public:
  virtual ~Bus() = default;
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // The devices that are plugged in now, in no particular order. Reads small files, and may open a device about which
  // the system does not say enough.
  virtual std::vector<DeviceInfo> List() = 0;

  // Opens a device that List returned, by its `plug`.
  virtual absl::StatusOr<std::unique_ptr<Device>> Open(uint64_t plug) = 0;

  // The way in which changes are noticed, for the log.
  virtual std::string watched_by() const = 0;

 protected:
  Bus() = default;
};

// Makes a bus that calls `on_change` when devices come or go, or may have done so. It is called on a thread of the bus,
// must not block, and is not called any more once the bus is destroyed.
using BusOpener = std::function<absl::StatusOr<std::unique_ptr<Bus>>(std::function<void()> on_change)>;

}  // namespace probegate::usb
