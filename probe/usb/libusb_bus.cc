// Resources of libusb are held by objects. Everything that is opened in a context also holds the context, so that the
// context's thread, on which transfers complete, exists for as long as there are transfers.
#include "probe/usb/libusb_bus.h"

#include <libusb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
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
#include "probe/usb/libusb_device.h"

namespace probegate::usb {
namespace {

constexpr char kNodes[] = "/dev/bus/usb";
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr milliseconds kPollInterval{500};
constexpr milliseconds kLongWait{60'000};  // if hot-plug events work; devices are still checked once in a while
constexpr milliseconds kPatience{500};     // for a system that is still setting up a device
// A device that was listed with a problem is checked again after this time, then after twice as long each time.
constexpr milliseconds kFirstPause{500};
constexpr milliseconds kLongestPause{8000};
constexpr milliseconds kHope{60'000};  // how long missing information about a device may still appear

// libusb, and the thread on which its transfers complete and its hot-plug events arrive.
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

  // Does not call on_change any more.
  void Silence() {
    MutexLock lock(mutex_);
    on_change_ = nullptr;
  }

  // Sets whether on_change is called twice a second even if no event arrives.
  void LookOften(bool often) {
    if (often_.exchange(often) != often) libusb_interrupt_event_handler(context_);
  }

  // Returns a flag that turns true when the device leaves, if that is noticed, or in Forget at the latest. Until then
  // the caller must hold a reference to the device.
  std::shared_ptr<const std::atomic<bool>> Watch(libusb_device* device) {
    MutexLock lock(mutex_);
    return gone_[device] = std::make_shared<std::atomic<bool>>(false);
  }
  // The device has left: its pointer may soon be reused for another device.
  void Forget(libusb_device* device) {
    MutexLock lock(mutex_);
    const auto watched = gone_.extract(device);
    if (!watched.empty()) *watched.mapped() = true;
  }

 private:
  static int LIBUSB_CALL OnHotplug(libusb_context*, libusb_device* device, libusb_hotplug_event event, void* self) {
    auto* context = static_cast<Context*>(self);
    if (event == LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT) context->SetGone(device);
    context->TellChange();
    return 0;
  }

  void SetGone(libusb_device* device) {
    MutexLock lock(mutex_);
    const auto watched = gone_.find(device);
    if (watched != gone_.end()) *watched->second = true;
  }

  // Calls on_change with the lock held, so that it is not called any more once Silence has returned.
  void TellChange() {
    MutexLock lock(mutex_);
    if (on_change_) on_change_();
  }

  void Run() {
    TimePoint told = Clock::now();
    while (!stopping_) {
      const milliseconds interval = watches_ && !often_ ? kLongWait : kPollInterval;
      const auto left = std::chrono::ceil<milliseconds>(told + interval - Clock::now()).count();
      timeval wait = {.tv_sec = std::max<long>(left, 0) / 1000, .tv_usec = std::max<long>(left, 0) % 1000 * 1000};
      libusb_handle_events_timeout_completed(context_, &wait, nullptr);
      if (Clock::now() < told + interval) continue;
      told = Clock::now();
      TellChange();
    }
  }

  libusb_context* const context_;
  bool watches_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> often_ = false;
  Mutex mutex_;
  std::function<void()> on_change_ ABSL_GUARDED_BY(mutex_);
  std::map<libusb_device*, std::shared_ptr<std::atomic<bool>>> gone_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// Bus and ports, as Linux names devices; empty for a root hub, which is not plugged into a port.
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
    bool often = false;
    for (libusb_device** device = devices; *device != nullptr; ++device) {
      auto known = before.extract(*device);
      if (known.empty()) {
        known_.emplace(libusb_ref_device(*device), NewDevice(*device));
      } else {
        known_.insert(std::move(known));
      }
      Known& entry = known_.at(*device);
      if (entry.info.path.empty()) continue;
      if (!entry.done && Clock::now() >= entry.next_look) Look(*device, entry);
      often = often || !entry.done;
      infos.push_back(entry.info);
    }
    context_->LookOften(often);
    libusb_free_device_list(devices, 1);
    for (const auto& [device, known] : before) {
      context_->Forget(device);
      libusb_unref_device(device);
    }
    return infos;
  }

  absl::StatusOr<std::unique_ptr<Device>> Open(uint64_t plug) override {
    libusb_device* device = nullptr;
    std::shared_ptr<const std::atomic<bool>> gone;
    {
      MutexLock lock(mutex_);
      for (const auto& [known, entry] : known_) {
        if (entry.info.plug != plug) continue;
        device = libusb_ref_device(known);
        gone = entry.gone;
      }
    }
    if (device == nullptr) return TranslateLibusb(LIBUSB_ERROR_NO_DEVICE);
    const std::unique_ptr<libusb_device, void (*)(libusb_device*)> held(device, libusb_unref_device);
    return OpenDeviceOf(device, std::move(gone));
  }

  std::string watched_by() const override { return context_->watches() ? "hot-plug events" : "polling twice a second"; }

 private:
  struct Known {
    DeviceInfo info;
    std::shared_ptr<const std::atomic<bool>> gone;
    TimePoint since;
    TimePoint next_look;
    milliseconds pause = kFirstPause;
    bool told = false;  // `info` was settled when it was last listed
    bool done = false;  // nothing more will become known
  };

  Known NewDevice(libusb_device* device) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Known known;
    known.info.plug = ++last_plug_;
    known.info.path = PathOf(device);
    known.info.node = NodeOf(device);
    known.gone = context_->Watch(device);
    known.since = Clock::now();
    return known;
  }

  void Look(libusb_device* device, Known& known) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const TimePoint now = Clock::now();
    const bool patient = now < known.since + kPatience;
    DeviceInfo info{.plug = known.info.plug, .path = known.info.path, .node = known.info.node};
    const Outlook outlook = Describe(info, patient, [&] { return OpenDeviceOf(device, known.gone); });
    // A caller that saw the problem has given up on the device under its old number, so the device gets a new one.
    if (known.told && info.problem.ok()) info.plug = ++last_plug_;
    known.info = std::move(info);
    known.told = known.info.settled;
    known.done = outlook == Outlook::kFinal || (outlook == Outlook::kMayBeTold && now >= known.since + kHope);
    if (!known.told) return;
    known.next_look = now + known.pause;
    known.pause = std::min(2 * known.pause, kLongestPause);
  }

  absl::StatusOr<std::unique_ptr<Device>> OpenDeviceOf(libusb_device* device,
                                                       std::shared_ptr<const std::atomic<bool>> gone) {
    libusb_device_handle* handle = nullptr;
    if (const int error = libusb_open(device, &handle); error != 0) return TranslateLibusb(error);
    return TakeLibusbDevice(context_, handle, std::move(gone));
  }

  const std::shared_ptr<Context> context_;
  Mutex mutex_;  // not the one that the bus's thread takes, because a device may be queried while this one is held
  uint64_t last_plug_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<libusb_device*, Known> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Bus>> OpenLibusb(std::function<void()> on_change) {
  libusb_context* context = nullptr;
  if (access(kNodes, F_OK) != 0)
    return MakeError(ErrorKind::kUnsupported, absl::StrCat("this system has no USB: there is no ", kNodes));
  if (const int error = libusb_init(&context); error != 0) return TranslateLibusb(error);
  return std::make_unique<LibusbBus>(std::make_shared<Context>(context, std::move(on_change)));
}

}  // namespace probegate::usb
