#include "tests/usbemu/usb_device.h"

#include <cerrno>
#include <limits>
#include <utility>

namespace probegate::usbemu {

UsbDevice::UsbDevice(asio::io_context& io, const DeviceSpec& spec, BusTiming timing, const BoardAddress& board,
                     std::function<void(const char*)> on_unplug)
    : timing_(timing),
      model_(spec, timing.speed, [this](const Bytes& request) { link_->Send(request); }),
      transfers_(model_, [this] { on_unplug_("a fault"); }),
      on_unplug_(std::move(on_unplug)),
      link_(std::make_unique<BoardLink>(
          io, board,
          [this](Bytes reply) {
            model_.Reply(std::move(reply));
            Wake();
          },
          [this] { on_unplug_("its board has gone"); })),
      frame_(io, [this] { AtFrame(); }),
      due_(io, [this] { Wake(); }) {
  for (const Interface& interface : model_.descriptors().interfaces) {
    if (!interface.driver.empty()) drivers_.insert(interface.number);
  }
}

UsbDevice::UsbDevice(asio::io_context& io)
    : transfers_(model_, [] {}), frame_(io, [this] { AtFrame(); }), due_(io, [this] { Wake(); }) {
  drivers_.insert(0);
}

int UsbDevice::Submit(TransferOwner& owner, std::unique_ptr<Transfer> transfer) {
  if (gone_) return ENODEV;
  const int error = transfers_.Submit(owner, std::move(transfer));
  Wake();
  return error;
}

void UsbDevice::Wake() {
  if (gone_) return;
  if (!timing_.timed) {
    MoveUntimed();
    return;
  }
  SetDueAlarm();
  if (frame_.set()) return;
  const auto now = Clock::now().time_since_epoch();
  frame_end_ = Clock::time_point((now / timing_.frame() + 1) * timing_.frame());
  frame_.Set(frame_end_);
}

void UsbDevice::MoveUntimed() {
  // What moves may have the board's reply or an owner call here again.
  if (std::exchange(moving_, true)) return;
  constexpr unsigned kAny = std::numeric_limits<unsigned>::max();
  transfers_.Move({kAny, kAny, kAny}, Clock::now());
  moving_ = false;
  SetDueAlarm();
}

void UsbDevice::AtFrame() {
  if (gone_) return;
  // A machine that is late has let frames pass in which packets would have moved.
  const Clock::time_point now = Clock::now();
  const auto frames = static_cast<unsigned>(1 + (now - frame_end_) / timing_.frame());
  if (transfers_.Move({frames * timing_.bulk_packets(), frames, frames}, now)) Wake();
  SetDueAlarm();
}

void UsbDevice::SetDueAlarm() {
  if (const std::optional<Clock::time_point> due = transfers_.NextDue()) due_.Set(*due);
}

void UsbDevice::Reset() {
  model_.Reset();
  Wake();
}

void UsbDevice::Unplug() {
  if (std::exchange(gone_, true)) return;
  if (link_) link_->Close();
  transfers_.EndAll();
  transfers_.faults().Clear();
}

const Interface* UsbDevice::FindInterface(unsigned number) const {
  const std::vector<Interface>& all = model_.descriptors().interfaces;
  return number < all.size() ? &all[number] : nullptr;
}

void UsbDevice::SetDriver(unsigned number, bool attached) {
  if (attached == HasDriver(number)) return;
  if (attached) {
    drivers_.insert(number);
  } else {
    drivers_.erase(number);
  }
  if (on_driver_change_) on_driver_change_(*FindInterface(number), attached);
}

void UsbDevice::OnDriverChange(std::function<void(const Interface&, bool)> function) {
  on_driver_change_ = std::move(function);
}

}  // namespace probegate::usbemu
