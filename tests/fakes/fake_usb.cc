#include "tests/fakes/fake_usb.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate {
namespace {

constexpr uint8_t kTraceEndpoint = 0x83;  // of BulkProbeInfo's

absl::Status Unplugged() { return MakeError(ErrorKind::kProbeDisconnected, "the fake device is unplugged"); }

absl::Status TakeError(std::deque<absl::Status>& errors) {
  if (errors.empty()) return absl::OkStatus();
  absl::Status error = errors.front();
  errors.pop_front();
  return error;
}

class FakePipe final : public usb::Pipe {
 public:
  FakePipe(std::shared_ptr<FakeUsbState> state, const usb::Endpoint& endpoint)
      : state_(std::move(state)), endpoint_(endpoint) {
    ++state_->pipes;
  }
  ~FakePipe() override { --state_->pipes; }

  absl::Status Write(absl::Span<const uint8_t> bytes, bool end_short) override {
    if (!state_->present) return Unplugged();
    state_->sent.emplace_back(bytes.begin(), bytes.end());
    state_->ended_short.push_back(end_short);
    started_.push_back(bytes.size());
    if (!state_->takes_data) return absl::OkStatus();
    absl::Status status = state_->out_errors.empty() ? state_->wire->Out(bytes) : absl::OkStatus();
    if (IsError(status, ErrorKind::kProbeDisconnected)) state_->present = false;
    return status;
  }

  absl::Status Read(size_t size) override {
    if (!state_->present) return Unplugged();
    started_.push_back(size);
    state_->reads.push_back(size);
    state_->most_reads = std::max(state_->most_reads, started_.size());
    return absl::OkStatus();
  }

  size_t started() const override { return started_.size(); }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Take(usb::TimePoint deadline) override {
    if (started_.empty()) return std::nullopt;
    if (!state_->present) return Unplugged();
    if (endpoint_.address == kTraceEndpoint) return TakeTrace();
    return endpoint_.is_in() ? TakeIn(deadline) : TakeOut();
  }

  void Cancel() override { started_.clear(); }
  absl::Status Clear() override {
    started_.clear();
    state_->done.push_back(absl::StrCat("clear ", absl::Hex(endpoint_.address, absl::kZeroPad2)));
    return state_->present ? absl::OkStatus() : Unplugged();
  }

 private:
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeOut() {
    if (!state_->takes_data) return std::nullopt;
    started_.pop_front();
    if (absl::Status error = TakeError(state_->out_errors); !error.ok()) return error;
    return absl::Span<const uint8_t>();
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeIn(usb::TimePoint deadline) {
    if (absl::Status error = TakeError(state_->in_errors); !error.ok()) {
      started_.pop_front();
      return error;
    }
    auto packet = state_->wire->In(deadline);
    if (IsError(packet.status(), ErrorKind::kProbeDisconnected)) state_->present = false;
    if (!packet.ok()) return packet.status();
    if (!packet->has_value()) return std::nullopt;
    taken_ = **std::move(packet);
    taken_.resize(std::max(taken_.size(), state_->report_size));
    const size_t size = started_.front();
    started_.pop_front();
    if (taken_.size() > size) return MakeError(ErrorKind::kProbeError, "it sends more than was asked for");
    return absl::MakeConstSpan(taken_);
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeTrace() {
    absl::Status error = TakeError(state_->trace_errors);
    if (error.ok() && state_->trace.empty()) return std::nullopt;
    started_.pop_front();
    if (!error.ok()) return error;
    taken_ = std::move(state_->trace.front());
    state_->trace.pop_front();
    return absl::MakeConstSpan(taken_);
  }

  const std::shared_ptr<FakeUsbState> state_;
  const usb::Endpoint endpoint_;
  std::deque<size_t> started_;  // their sizes
  UsbWire::Packet taken_;
};

class FakeClaim final : public usb::Claim {
 public:
  explicit FakeClaim(std::shared_ptr<FakeUsbState> state) : state_(std::move(state)) { ++state_->claims; }
  ~FakeClaim() override { --state_->claims; }
  std::unique_ptr<usb::Pipe> OpenPipe(const usb::Endpoint& endpoint) override {
    return std::make_unique<FakePipe>(state_, endpoint);
  }

 private:
  const std::shared_ptr<FakeUsbState> state_;
};

class FakeDevice final : public usb::Device {
 public:
  explicit FakeDevice(std::shared_ptr<FakeUsbState> state) : state_(std::move(state)) { ++state_->open; }
  ~FakeDevice() override { --state_->open; }

  bool present() const override { return state_->present && state_->wire->present(); }

  absl::StatusOr<std::unique_ptr<usb::Claim>> TakeInterface(uint8_t number) override {
    if (!state_->present) return Unplugged();
    if (!state_->claim_error.ok()) return state_->claim_error;
    state_->done.push_back(absl::StrCat("claim ", number));
    return std::make_unique<FakeClaim>(state_);
  }

  absl::StatusOr<size_t> ControlIn(const usb::ControlSetup&, absl::Span<uint8_t> data,
                                   std::chrono::milliseconds) override {
    if (!state_->present) return Unplugged();
    if (state_->report_descriptor.empty()) return MakeError(ErrorKind::kProbeError, "it refuses");
    const size_t size = std::min(data.size(), state_->report_descriptor.size());
    std::copy_n(state_->report_descriptor.begin(), size, data.begin());
    return size;
  }

  absl::Status ControlOut(const usb::ControlSetup&, absl::Span<const uint8_t> data,
                          std::chrono::milliseconds) override {
    if (!state_->present) return Unplugged();
    state_->done.push_back("report");
    state_->sent.emplace_back(data.begin(), data.end());
    return state_->wire->Out(data);
  }

  absl::Status Reset() override {
    if (!state_->present) return Unplugged();
    state_->done.push_back("reset");
    if (state_->resets_help) {
      state_->takes_data = true;
      state_->on_reset();
    }
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<FakeUsbState> state_;
};

usb::DeviceInfo ProbeInfoAt(const std::string& path, const std::string& serial) {
  usb::DeviceInfo info;
  info.path = path;
  info.node = "/dev/bus/usb/fake";
  info.descriptor = {.vendor_id = 0x0d28, .product_id = 0x0204};
  info.manufacturer = "Arm";
  info.product = "DAPLink CMSIS-DAP";
  info.serial = serial;
  info.configuration.value = 1;
  return info;
}

}  // namespace

absl::Status ScriptedUsbWire::Out(absl::Span<const uint8_t> packet) {
  for (Packet& reply : script_({packet.begin(), packet.end()})) ready.push_back(std::move(reply));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<UsbWire::Packet>> ScriptedUsbWire::In(usb::TimePoint) {
  if (ready.empty()) return std::nullopt;
  Packet packet = std::move(ready.front());
  ready.pop_front();
  return packet;
}

std::unique_ptr<usb::Device> OpenFakeUsb(std::shared_ptr<FakeUsbState> state) {
  return std::make_unique<FakeDevice>(std::move(state));
}

class FakeBus final : public usb::Bus {
 public:
  explicit FakeBus(std::shared_ptr<FakeUsbPorts::Shared> shared) : shared_(std::move(shared)) {}
  ~FakeBus() override {
    MutexLock lock(shared_->mutex);
    shared_->on_change = nullptr;
  }

  std::vector<usb::DeviceInfo> List() override {
    MutexLock lock(shared_->mutex);
    std::vector<usb::DeviceInfo> infos;
    for (const auto& [plug, device] : shared_->devices) infos.push_back(device.info);
    return infos;
  }

  absl::StatusOr<std::unique_ptr<usb::Device>> Open(uint64_t plug) override {
    MutexLock lock(shared_->mutex);
    const auto found = shared_->devices.find(plug);
    if (found == shared_->devices.end()) return Unplugged();
    if (!found->second.state->open_error.ok()) return found->second.state->open_error;
    return OpenFakeUsb(found->second.state);
  }

  std::string watched_by() const override { return "a test"; }

 private:
  const std::shared_ptr<FakeUsbPorts::Shared> shared_;
};

usb::BusOpener FakeUsbPorts::opener() {
  return [shared = shared_](std::function<void()> on_change) -> absl::StatusOr<std::unique_ptr<usb::Bus>> {
    MutexLock lock(shared->mutex);
    ++shared->opened;
    // A new status each time: copies would share a reference count in a way that ThreadSanitizer does not understand.
    if (!shared->available)
      return MakeError(ErrorKind::kUnsupported, "this system has no USB: there is no /dev/bus/usb");
    shared->on_change = std::move(on_change);
    return std::make_unique<FakeBus>(shared);
  };
}

// With the lock held, like the real bus, so that no callback is called after its bus has been destroyed.
void FakeUsbPorts::Tell() {
  MutexLock lock(shared_->mutex);
  if (shared_->on_change) shared_->on_change();
}

void FakeUsbPorts::SetAvailable(bool available) {
  MutexLock lock(shared_->mutex);
  shared_->available = available;
}

uint64_t FakeUsbPorts::Plug(usb::DeviceInfo info, std::shared_ptr<FakeUsbState> state) {
  uint64_t plug = 0;
  {
    MutexLock lock(shared_->mutex);
    plug = info.plug = ++shared_->last;
    shared_->devices[plug] = {std::move(info), std::move(state)};
  }
  Tell();
  return plug;
}

void FakeUsbPorts::Unplug(uint64_t plug) {
  {
    MutexLock lock(shared_->mutex);
    shared_->devices.at(plug).state->present = false;
    shared_->devices.erase(plug);
  }
  Tell();
}

void FakeUsbPorts::Settle(uint64_t plug, usb::DeviceInfo info) {
  MutexLock lock(shared_->mutex);
  info.plug = plug;
  shared_->devices.at(plug).info = std::move(info);
}

int FakeUsbPorts::opened() const {
  MutexLock lock(shared_->mutex);
  return shared_->opened;
}

usb::DeviceInfo BulkProbeInfo(const std::string& path, const std::string& serial) {
  usb::DeviceInfo info = ProbeInfoAt(path, serial);
  info.configuration.interfaces.push_back({.number = 1,
                                           .interface_class = usb::kClassVendor,
                                           .endpoints = {{0x02, usb::TransferKind::kBulk, 512},
                                                         {0x82, usb::TransferKind::kBulk, 512},
                                                         {0x83, usb::TransferKind::kBulk, 512}},
                                           .name = "CMSIS-DAP v2"});
  return info;
}

usb::DeviceInfo HidProbeInfo(const std::string& path, const std::string& serial) {
  usb::DeviceInfo info = ProbeInfoAt(path, serial);
  info.configuration.interfaces.push_back(
      {.number = 3,
       .interface_class = usb::kClassHid,
       .endpoints = {{0x84, usb::TransferKind::kInterrupt, 64}, {0x04, usb::TransferKind::kInterrupt, 64}},
       .name = "CMSIS-DAP v1"});
  return info;
}

}  // namespace probegate
