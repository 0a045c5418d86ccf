// USB devices that are not there: what is behind them is a test's, and so is what goes wrong.
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

// What is behind a device's endpoints.
class UsbWire {
 public:
  using Packet = std::vector<uint8_t>;
  virtual ~UsbWire() = default;
  virtual absl::Status Out(absl::Span<const uint8_t> packet) = 0;
  // The next packet, or none by the deadline; one that may come later, or never, is not waited for by some.
  virtual absl::StatusOr<std::optional<Packet>> In(usb::TimePoint deadline) = 0;
  // Whether it is known that nothing is behind the endpoints any more.
  virtual bool present() { return true; }
};

// Answers by a function: the packets that a request causes, none, one or several. Nothing is waited for.
class ScriptedUsbWire : public UsbWire {
 public:
  using Script = std::function<std::vector<Packet>(const Packet& request)>;
  explicit ScriptedUsbWire(Script script) : script_(std::move(script)) {}

  absl::Status Out(absl::Span<const uint8_t> packet) override;
  absl::StatusOr<std::optional<Packet>> In(usb::TimePoint deadline) override;

  std::deque<Packet> ready;  // what it has to say; what an earlier user left, too

 private:
  const Script script_;
};

// One device, and what was done to it. Its members are of the thread that uses it, but for `present`.
struct FakeUsbState {
  explicit FakeUsbState(std::unique_ptr<UsbWire> w) : wire(std::move(w)) {}

  std::unique_ptr<UsbWire> wire;
  std::atomic<bool> present = true;

  // Whoever takes, is told this; OK for the device's usual.
  absl::Status open_error;
  absl::Status claim_error;
  // The next transfers, each way, end with these; then all is well again.
  std::deque<absl::Status> out_errors;
  std::deque<absl::Status> in_errors;
  bool takes_data = true;    // false: transfers out never end
  bool resets_help = false;  // a reset makes it take data again, and calls on_reset
  std::function<void()> on_reset = [] {};

  std::deque<UsbWire::Packet> trace;  // what the endpoint for SWO has to say, which is not the wire's
  std::deque<absl::Status> trace_errors;

  size_t report_size = 0;                  // of HID: reports come padded to it
  std::vector<uint8_t> report_descriptor;  // empty: the device has none to give

  // What is taken now; a test that is done wants zeros.
  std::atomic<int> open = 0;
  std::atomic<int> claims = 0;
  std::atomic<int> pipes = 0;
  // What happened so far.
  std::vector<std::string> done;  // "claim 1", "clear 0x81", "reset", "report"
  std::vector<UsbWire::Packet> sent;
  std::vector<bool> ended_short;  // of each of `sent`
  std::vector<size_t> reads;
  size_t most_reads = 0;  // at once
};

// An open one.
std::unique_ptr<usb::Device> OpenFakeUsb(std::shared_ptr<FakeUsbState> state);

// A bus whose devices a test plugs in. Threads: any.
class FakeUsbPorts {
 public:
  // As usb::BusOpener.
  usb::BusOpener opener();

  // Whether the bus can be opened; kUnsupported where it cannot. It can at first.
  void SetAvailable(bool available);

  // Plugs a device in; `info` but its plug, which is returned.
  uint64_t Plug(usb::DeviceInfo info, std::shared_ptr<FakeUsbState> state);
  void Unplug(uint64_t plug);
  // Replaces what is known of a device.
  void Settle(uint64_t plug, usb::DeviceInfo info);

  int opened() const;  // how often a bus was opened, or tried to be

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
// One with a v1 interface.
usb::DeviceInfo HidProbeInfo(const std::string& path, const std::string& serial);

}  // namespace probegate
