// What is taken from libusb is held by objects: the context by all that was opened in it, so that its thread, on which
// transfers end, is there for as long as there is one.
#include "probe/usb/libusb_bus.h"

#include <libusb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/mutex.h"
#include "probe/error.h"
#include "probe/usb/describe.h"

namespace probegate::usb {
namespace {

constexpr char kNodes[] = "/dev/bus/usb";
constexpr timeval kPollInterval = {.tv_sec = 0, .tv_usec = 500'000};
constexpr timeval kLongWait = {.tv_sec = 60, .tv_usec = 0};  // it is woken for whatever happens
constexpr std::chrono::milliseconds kPatience{500};          // with a system that still sets a device up

struct ErrorRow {
  int error;
  ErrorKind kind;
  const char* text;
};
constexpr ErrorRow kErrors[] = {
    {LIBUSB_ERROR_IO, ErrorKind::kProbeError, "input or output failed"},
    {LIBUSB_ERROR_INVALID_PARAM, ErrorKind::kProbeError, "the system refuses what was asked"},
    {LIBUSB_ERROR_ACCESS, ErrorKind::kUnsupported,
     "no permission to open it. To allow it: sudo cp deploy/udev/70-probegate.rules /etc/udev/rules.d/ && "
     "sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=usb"},
    {LIBUSB_ERROR_NO_DEVICE, ErrorKind::kProbeDisconnected, "it was unplugged"},
    {LIBUSB_ERROR_NOT_FOUND, ErrorKind::kProbeDisconnected, "it is not there any more"},
    {LIBUSB_ERROR_BUSY, ErrorKind::kBusy, "another program uses it"},
    {LIBUSB_ERROR_TIMEOUT, ErrorKind::kProbeError, "it does not answer"},
    {LIBUSB_ERROR_OVERFLOW, ErrorKind::kProbeError, "it sends more than was asked for"},
    {LIBUSB_ERROR_PIPE, ErrorKind::kProbeError, "it refuses (STALL)"},
    {LIBUSB_ERROR_INTERRUPTED, ErrorKind::kProbeError, "a signal came in between"},
    {LIBUSB_ERROR_NO_MEM, ErrorKind::kInternal, "no memory"},
    {LIBUSB_ERROR_NOT_SUPPORTED, ErrorKind::kUnsupported, "this system cannot do that"},
    {LIBUSB_ERROR_OTHER, ErrorKind::kProbeError, "the system says no"},
};

absl::Status Translate(int error) {
  if (error >= 0) return absl::OkStatus();
  for (const ErrorRow& row : kErrors) {
    if (row.error == error) return MakeError(row.kind, row.text);
  }
  return MakeError(ErrorKind::kInternal, absl::StrCat("libusb error ", error));
}

struct StatusRow {
  libusb_transfer_status status;
  int error;  // 0: none
};
constexpr StatusRow kStatuses[] = {
    {LIBUSB_TRANSFER_COMPLETED, 0},
    {LIBUSB_TRANSFER_ERROR, LIBUSB_ERROR_IO},
    {LIBUSB_TRANSFER_TIMED_OUT, LIBUSB_ERROR_TIMEOUT},
    {LIBUSB_TRANSFER_CANCELLED, LIBUSB_ERROR_INTERRUPTED},
    {LIBUSB_TRANSFER_STALL, LIBUSB_ERROR_PIPE},
    {LIBUSB_TRANSFER_NO_DEVICE, LIBUSB_ERROR_NO_DEVICE},
    {LIBUSB_TRANSFER_OVERFLOW, LIBUSB_ERROR_OVERFLOW},
};

int ErrorOf(libusb_transfer_status status) {
  for (const StatusRow& row : kStatuses) {
    if (row.status == status) return row.error;
  }
  return LIBUSB_ERROR_OTHER;
}

// libusb and the thread on which its transfers end and its hot-plug events come.
class Context {
 public:
  Context(libusb_context* context, std::function<void()> on_change)
      : context_(context), on_change_(std::move(on_change)) {
    watches_ = libusb_has_capability(LIBUSB_CAP_HAS_HOTPLUG) != 0 &&
               libusb_hotplug_register_callback(
                   context_, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, 0,
                   LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, &Context::OnHotplug,
                   this, nullptr) == LIBUSB_SUCCESS;
    thread_ = std::thread([this] { Run(); });
  }
  ~Context() {
    stopping_ = true;
    libusb_interrupt_event_handler(context_);
    thread_.join();
    libusb_exit(context_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  libusb_context* get() const { return context_; }
  bool watches() const { return watches_; }

  // Calls nobody from now on.
  void Silence() {
    MutexLock lock(mutex_);
    on_change_ = nullptr;
  }

  // Sets what it answers once the device leaves, where that is noticed.
  std::shared_ptr<std::atomic<bool>> GoneFlag(libusb_device* device) {
    MutexLock lock(mutex_);
    auto& flag = gone_[device];
    if (flag == nullptr) flag = std::make_shared<std::atomic<bool>>(false);
    return flag;
  }
  void SetGone(libusb_device* device) {
    MutexLock lock(mutex_);
    const auto found = gone_.find(device);
    if (found == gone_.end()) return;
    *found->second = true;
    gone_.erase(found);
  }

 private:
  static int LIBUSB_CALL OnHotplug(libusb_context*, libusb_device* device, libusb_hotplug_event event, void* self) {
    auto* context = static_cast<Context*>(self);
    if (event == LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT) context->SetGone(device);
    context->TellChange();
    return 0;
  }

  // The lock is held meanwhile, so that nobody is called once Silence has returned.
  void TellChange() {
    MutexLock lock(mutex_);
    if (on_change_) on_change_();
  }

  void Run() {
    while (!stopping_) {
      timeval wait = watches_ ? kLongWait : kPollInterval;
      libusb_handle_events_timeout_completed(context_, &wait, nullptr);
      if (!watches_) TellChange();
    }
  }

  libusb_context* const context_;
  bool watches_ = false;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  std::function<void()> on_change_ ABSL_GUARDED_BY(mutex_);
  std::map<libusb_device*, std::shared_ptr<std::atomic<bool>>> gone_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// What a device's claims and pipes share with it.
struct OpenDevice {
  OpenDevice(std::shared_ptr<Context> c, libusb_device_handle* h, std::shared_ptr<std::atomic<bool>> g)
      : context(std::move(c)), handle(h), gone(std::move(g)) {}
  ~OpenDevice() { libusb_close(handle); }
  OpenDevice(const OpenDevice&) = delete;
  OpenDevice& operator=(const OpenDevice&) = delete;

  // As Translate, and keeps in mind that the device is gone where it is.
  absl::Status Translate(int error) const {
    if (error == LIBUSB_ERROR_NO_DEVICE) *gone = true;
    return usb::Translate(error);
  }

  const std::shared_ptr<Context> context;
  libusb_device_handle* const handle;
  const std::shared_ptr<std::atomic<bool>> gone;
};

class LibusbPipe final : public Pipe {
 public:
  LibusbPipe(OpenDevice& device, const Endpoint& endpoint) : device_(device), endpoint_(endpoint) {}
  ~LibusbPipe() override { CancelAll(); }

  absl::Status Write(absl::Span<const uint8_t> bytes, bool end_short) override {
    std::unique_ptr<Transfer> transfer = NewTransfer(bytes.size());
    std::copy(bytes.begin(), bytes.end(), transfer->buffer.begin());
    const bool on_boundary = endpoint_.max_packet != 0 && bytes.size() % endpoint_.max_packet == 0;
    return Start(std::move(transfer), end_short && on_boundary ? LIBUSB_TRANSFER_ADD_ZERO_PACKET : 0);
  }

  absl::Status Read(size_t size) override { return Start(NewTransfer(size), 0); }

  size_t started() const override { return started_.size(); }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Take(TimePoint deadline) override {
    if (started_.empty()) return std::nullopt;
    {
      MutexLock lock(mutex_);
      while (!started_.front()->done) {
        if (!ended_.WaitUntil(mutex_, deadline) && !started_.front()->done) return std::nullopt;
      }
    }
    if (taken_ != nullptr) free_.push_back(std::move(taken_));
    taken_ = std::move(started_.front());
    started_.pop_front();
    const libusb_transfer& raw = *taken_->raw;
    if (absl::Status status = device_.Translate(ErrorOf(raw.status)); !status.ok()) return status;
    return absl::MakeConstSpan(taken_->buffer).first(static_cast<size_t>(raw.actual_length));
  }

  void Cancel() override { CancelAll(); }

  absl::Status Clear() override {
    CancelAll();
    return device_.Translate(libusb_clear_halt(device_.handle, endpoint_.address));
  }

 private:
  struct Transfer {
    explicit Transfer(LibusbPipe& p) : pipe(p), raw(libusb_alloc_transfer(0)) {}
    ~Transfer() { libusb_free_transfer(raw); }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    LibusbPipe& pipe;
    libusb_transfer* const raw;
    std::vector<uint8_t> buffer;
    bool done = false;  // guarded by the pipe's mutex
  };

  static void LIBUSB_CALL OnEnd(libusb_transfer* raw) {
    auto* transfer = static_cast<Transfer*>(raw->user_data);
    LibusbPipe& pipe = transfer->pipe;
    MutexLock lock(pipe.mutex_);
    transfer->done = true;
    pipe.ended_.NotifyAll();  // under the lock: the pipe may be gone as soon as it is free
  }

  std::unique_ptr<Transfer> NewTransfer(size_t size) {
    std::unique_ptr<Transfer> transfer;
    if (free_.empty()) {
      transfer = std::make_unique<Transfer>(*this);
    } else {
      transfer = std::move(free_.back());
      free_.pop_back();
    }
    transfer->buffer.resize(size);
    transfer->done = false;
    return transfer;
  }

  absl::Status Start(std::unique_ptr<Transfer> transfer, uint8_t flags) {
    if (transfer->raw == nullptr) return device_.Translate(LIBUSB_ERROR_NO_MEM);
    const auto fill =
        endpoint_.kind == TransferKind::kInterrupt ? libusb_fill_interrupt_transfer : libusb_fill_bulk_transfer;
    fill(transfer->raw, device_.handle, endpoint_.address, transfer->buffer.data(),
         static_cast<int>(transfer->buffer.size()), &OnEnd, transfer.get(), 0);
    transfer->raw->flags = flags;
    if (const int error = libusb_submit_transfer(transfer->raw); error != 0) return device_.Translate(error);
    started_.push_back(std::move(transfer));
    return absl::OkStatus();
  }

  // libusb ends every transfer that was cancelled, soon; their memory is the system's until then.
  void CancelAll() {
    for (const auto& transfer : started_) libusb_cancel_transfer(transfer->raw);
    for (auto& transfer : started_) {
      {
        MutexLock lock(mutex_);
        while (!transfer->done) ended_.Wait(mutex_);
      }
      free_.push_back(std::move(transfer));
    }
    started_.clear();
  }

  OpenDevice& device_;
  const Endpoint endpoint_;
  Mutex mutex_;
  CondVar ended_;
  std::deque<std::unique_ptr<Transfer>> started_;
  std::vector<std::unique_ptr<Transfer>> free_;
  std::unique_ptr<Transfer> taken_;  // what the last view refers to
};

class LibusbClaim final : public Claim {
 public:
  LibusbClaim(OpenDevice& device, uint8_t number) : device_(device), number_(number) {}
  ~LibusbClaim() override { libusb_release_interface(device_.handle, number_); }

  std::unique_ptr<Pipe> OpenPipe(const Endpoint& endpoint) override {
    return std::make_unique<LibusbPipe>(device_, endpoint);
  }

 private:
  OpenDevice& device_;
  const uint8_t number_;
};

class LibusbDevice final : public Device {
 public:
  LibusbDevice(std::shared_ptr<Context> context, libusb_device_handle* handle, std::shared_ptr<std::atomic<bool>> gone)
      : open_(std::move(context), handle, std::move(gone)) {
    libusb_set_auto_detach_kernel_driver(handle, 1);  // where the platform has no such thing, there is no driver
  }

  bool present() const override { return !*open_.gone; }

  absl::StatusOr<std::unique_ptr<Claim>> TakeInterface(uint8_t number) override {
    if (const int error = libusb_claim_interface(open_.handle, number); error != 0) return open_.Translate(error);
    return std::make_unique<LibusbClaim>(open_, number);
  }

  absl::StatusOr<size_t> ControlIn(const ControlSetup& setup, absl::Span<uint8_t> data,
                                   std::chrono::milliseconds bound) override {
    return Control(setup, data.data(), data.size(), bound);
  }

  absl::Status ControlOut(const ControlSetup& setup, absl::Span<const uint8_t> data,
                          std::chrono::milliseconds bound) override {
    std::vector<uint8_t> bytes(data.begin(), data.end());  // libusb takes what it does not write as if it did
    const auto size = Control(setup, bytes.data(), bytes.size(), bound);
    if (size.ok() && *size != data.size()) return open_.Translate(LIBUSB_ERROR_IO);
    return size.status();
  }

  absl::Status Reset() override { return open_.Translate(libusb_reset_device(open_.handle)); }

 private:
  absl::StatusOr<size_t> Control(const ControlSetup& setup, uint8_t* data, size_t size,
                                 std::chrono::milliseconds bound) {
    const int done = libusb_control_transfer(open_.handle, setup.request_type, setup.request, setup.value, setup.index,
                                             data, static_cast<uint16_t>(size), static_cast<unsigned>(bound.count()));
    if (done < 0) return open_.Translate(done);
    return static_cast<size_t>(done);
  }

  OpenDevice open_;
};

// Bus and ports, as Linux names devices; nothing for a root hub, which is behind no port.
std::string PathOf(libusb_device* device) {
  std::array<uint8_t, 8> ports{};
  const int depth = libusb_get_port_numbers(device, ports.data(), ports.size());
  if (depth <= 0) return {};
  const auto taken = absl::MakeConstSpan(ports).first(static_cast<size_t>(depth));
  return absl::StrCat(libusb_get_bus_number(device), "-", absl::StrJoin(taken, "."));
}

std::string NodeOf(libusb_device* device) {
  return absl::StrFormat("%s/%03u/%03u", kNodes, libusb_get_bus_number(device), libusb_get_device_address(device));
}

class LibusbBus final : public Bus {
 public:
  explicit LibusbBus(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  ~LibusbBus() override {
    context_->Silence();
    for (const auto& [device, known] : known_) libusb_unref_device(device);
  }

  std::vector<DeviceInfo> List() override {
    MutexLock lock(mutex_);
    libusb_device** devices = nullptr;
    const ssize_t count = libusb_get_device_list(context_->get(), &devices);
    if (count < 0) return {};
    std::map<libusb_device*, Known> before = std::exchange(known_, {});
    std::vector<DeviceInfo> infos;
    for (libusb_device** device = devices; *device != nullptr; ++device) {
      auto known = before.extract(*device);
      if (known.empty()) {
        known_.emplace(libusb_ref_device(*device), NewDevice(*device));
      } else {
        known_.insert(std::move(known));
      }
      Known& entry = known_.at(*device);
      if (entry.info.path.empty()) continue;
      if (!entry.described) Look(*device, entry);
      infos.push_back(entry.info);
    }
    libusb_free_device_list(devices, 1);
    for (const auto& [device, known] : before) {
      context_->SetGone(device);
      libusb_unref_device(device);
    }
    return infos;
  }

  absl::StatusOr<std::unique_ptr<Device>> Open(uint64_t plug) override {
    libusb_device* device = nullptr;
    {
      MutexLock lock(mutex_);
      for (const auto& [known, entry] : known_) {
        if (entry.info.plug == plug) device = libusb_ref_device(known);
      }
    }
    if (device == nullptr) return Translate(LIBUSB_ERROR_NO_DEVICE);
    const std::unique_ptr<libusb_device, void (*)(libusb_device*)> held(device, libusb_unref_device);
    return OpenDeviceOf(device);
  }

  std::string watched_by() const override { return context_->watches() ? "hot-plug events" : "looking twice a second"; }

 private:
  struct Known {
    DeviceInfo info;
    TimePoint since;
    bool described = false;
  };

  Known NewDevice(libusb_device* device) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Known known;
    known.info.plug = ++last_plug_;
    known.info.path = PathOf(device);
    known.info.node = NodeOf(device);
    known.since = std::chrono::steady_clock::now();
    return known;
  }

  void Look(libusb_device* device, Known& known) {
    const bool patient = std::chrono::steady_clock::now() < known.since + kPatience;
    DeviceInfo info{.plug = known.info.plug, .path = known.info.path, .node = known.info.node};
    Describe(info, patient, [&] { return OpenDeviceOf(device); });
    known.info = std::move(info);
    known.described = known.info.settled;
  }

  absl::StatusOr<std::unique_ptr<Device>> OpenDeviceOf(libusb_device* device) {
    libusb_device_handle* handle = nullptr;
    if (const int error = libusb_open(device, &handle); error != 0) return Translate(error);
    return std::make_unique<LibusbDevice>(context_, handle, context_->GoneFlag(device));
  }

  const std::shared_ptr<Context> context_;
  Mutex mutex_;  // not the one that the bus's thread takes: a device may be asked while it is held
  uint64_t last_plug_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<libusb_device*, Known> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Bus>> OpenLibusb(std::function<void()> on_change) {
  libusb_context* context = nullptr;
  if (access(kNodes, F_OK) != 0) return MakeError(ErrorKind::kUnsupported, absl::StrCat("there is no ", kNodes));
  if (const int error = libusb_init(&context); error != 0) return Translate(error);
  return std::make_unique<LibusbBus>(std::make_shared<Context>(context, std::move(on_change)));
}

}  // namespace probegate::usb
