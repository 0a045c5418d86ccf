// Simulated USB devices: the test decides how they answer, and what fails.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "probe/error.h"
#include "probe/usb/bus.h"

namespace probegate {

// The part of a device that answers on its endpoints.
class UsbWire {
 public:
  using Packet = std::vector<uint8_t>;
  virtual ~UsbWire() = default;
  virtual absl::Status Out(absl::Span<const uint8_t> packet) = 0;
  // The next packet, or nothing by the deadline. An implementation may return nothing at once.
  virtual absl::StatusOr<std::optional<Packet>> In(usb::TimePoint deadline) = 0;
  // False once the device is known to be gone.
  virtual bool present() { return true; }
};

// A function answers each request with any number of packets. Does not wait.
class ScriptedUsbWire : public UsbWire {
 public:
  using Script = std::function<std::vector<Packet>(const Packet& request)>;
  explicit ScriptedUsbWire(Script script) : script_(std::move(script)) {}

  absl::Status Out(absl::Span<const uint8_t> packet) override;
  absl::StatusOr<std::optional<Packet>> In(usb::TimePoint deadline) override;

  std::deque<Packet> ready;  // packets to be read, including what an earlier user left

 private:
  const Script script_;
};

// One device, and what was done to it. Only the thread that uses the device may access its members, except `present`.
struct FakeUsbState {
  explicit FakeUsbState(std::unique_ptr<UsbWire> w) : wire(std::move(w)) {}

  std::unique_ptr<UsbWire> wire;
  std::atomic<bool> present = true;

  // Errors that opening, claiming and so on return; OK for the usual behavior.
  absl::Status open_error;
  absl::Status claim_error;
  // The next transfers in each direction end with these errors; after that, transfers succeed again.
  std::deque<absl::Status> out_errors;
  std::deque<absl::Status> in_errors;
  bool takes_data = true;    // false: transfers out never end
  bool resets_help = false;  // a reset makes it take data again, and calls on_reset
  std::function<void()> on_reset = [] {};

  std::deque<UsbWire::Packet> trace;  // packets of the endpoint for SWO, which do not come from the wire
  std::deque<absl::Status> trace_errors;

  size_t report_size = 0;                  // for HID: reports are padded to this size
  std::vector<uint8_t> report_descriptor;  // empty: the device refuses to send it

  // What is open or claimed now; zeros at the end of a test.
  std::atomic<int> open = 0;
  std::atomic<int> claims = 0;
  std::atomic<int> pipes = 0;
  // What has happened so far.
  std::vector<std::string> done;  // "claim 1", "clear 0x81", "reset", "report"
  std::vector<UsbWire::Packet> sent;
  std::vector<bool> ended_short;  // for each of `sent`
  std::vector<size_t> reads;
  size_t most_reads = 0;  // in progress at once
};

// Returns an open device.
std::unique_ptr<usb::Device> OpenFakeUsb(std::shared_ptr<FakeUsbState> state);

// A bus whose devices a test plugs in. Threads: any.
class FakeUsbPorts {
 public:
  // As usb::BusOpener.
  usb::BusOpener opener();

  // Sets whether the bus can be opened; if not, opening it fails with kUnsupported. At first it can.
  void SetAvailable(bool available);

  // Plugs in a device. Returns its plug, which replaces the one in `info`.
  uint64_t Plug(usb::DeviceInfo info, std::shared_ptr<FakeUsbState> state);
  void Unplug(uint64_t plug);
  // Replaces what is known about a device.
  void Settle(uint64_t plug, usb::DeviceInfo info);

  int opened() const;  // how often opening a bus was tried

 private:
  friend class FakeBus;
  struct Plugged {
    usb::DeviceInfo info;
    std::shared_ptr<FakeUsbState> state;
  };
  struct Shared {
    Mutex mutex;
    bool available ABSL_GUARDED_BY(mutex) = true;
    std::map<uint64_t, Plugged> devices ABSL_GUARDED_BY(mutex);
    uint64_t last ABSL_GUARDED_BY(mutex) = 0;
    std::function<void()> on_change ABSL_GUARDED_BY(mutex);
    int opened ABSL_GUARDED_BY(mutex) = 0;
  };
  void Tell();
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

// A device with a CMSIS-DAP v2 interface at `path`.
usb::DeviceInfo BulkProbeInfo(const std::string& path, const std::string& serial);
// A device with a v1 interface.
usb::DeviceInfo HidProbeInfo(const std::string& path, const std::string& serial);

}  // namespace probegate
