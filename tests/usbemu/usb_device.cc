#include "tests/usbemu/usb_device.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

namespace probegate::usbemu {
namespace {

// How often the board is asked for SWO data after it had none.
constexpr std::chrono::milliseconds kTraceInterval{2};
constexpr size_t kMostTrace = 4096;

}  // namespace

UsbDevice::UsbDevice(asio::io_context& io, const DeviceSpec& spec, BusTiming timing, const BoardAddress& board,
                     Hooks hooks)
    : io_(io),
      timing_(timing),
      board_(board),
      hooks_(std::move(hooks)),
      model_(spec, timing.speed, [this](const Bytes& request) { link_->Send(request); }),
      transfers_(model_, [this] { hooks_.on_unplug("a fault"); }),
      link_(ConnectBoard()),
      frame_(io, [this] { AtFrame(); }),
      due_(io, [this] { Wake(); }),
      trace_(io, [this] { AskTrace(); }) {
  for (const Interface& interface : model_.descriptors().interfaces) {
    if (!interface.driver.empty()) drivers_.insert(interface.number);
  }
}

UsbDevice::UsbDevice(asio::io_context& io)
    : io_(io),
      transfers_(model_, [] {}),
      frame_(io, [this] { AtFrame(); }),
      due_(io, [this] { Wake(); }),
      trace_(io, [] {}) {
  drivers_.insert(0);
}

std::unique_ptr<BoardLink> UsbDevice::ConnectBoard() {
  BoardLink::Events events = {.on_reply =
                                  [this](Bytes reply) {
                                    model_.Reply(std::move(reply));
                                    Wake();
                                  },
                              .on_trace = [this](const Bytes& bytes) { TakeTrace(bytes); },
                              .on_lost = [this] { hooks_.on_unplug("its board is gone"); }};
  auto link = std::make_unique<BoardLink>(io_, board_, std::move(events));
  trace_asked_ = model_.trace_endpoint().has_value();
  if (trace_asked_) link->AskTrace(0);
  return link;
}

// A real probe fills its endpoint by itself. This one has to ask its board; for one packet, if no program waits for
// more.
void UsbDevice::AskTrace() {
  const std::optional<uint8_t> endpoint = model_.trace_endpoint();
  if (gone_ || trace_asked_ || trace_.set() || !endpoint || model_.NextIn(*endpoint) != nullptr) return;
  const size_t room = std::max<size_t>(transfers_.Room(*endpoint), model_.FindEndpoint(*endpoint)->max_packet);
  trace_asked_ = true;
  link_->AskTrace(static_cast<uint16_t>(std::min(room, kMostTrace)));
}

void UsbDevice::TakeTrace(const Bytes& bytes) {
  trace_asked_ = false;
  model_.Trace(bytes);
  if (bytes.empty()) {
    trace_.Set(Clock::now() + kTraceInterval);
  } else {
    Wake();
  }
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
  // Moving packets may cause the board's reply or an owner to call this function again.
  if (std::exchange(moving_, true)) return;
  constexpr unsigned kAny = std::numeric_limits<unsigned>::max();
  transfers_.Move({kAny, kAny, kAny}, Clock::now());
  moving_ = false;
  AskTrace();
  SetDueAlarm();
}

void UsbDevice::AtFrame() {
  if (gone_) return;
  // If the machine is late, frames have passed in which packets would have moved.
  const Clock::time_point now = Clock::now();
  const auto frames = static_cast<unsigned>(1 + (now - frame_end_) / timing_.frame());
  if (transfers_.Move({frames * timing_.bulk_packets(), frames, frames}, now)) Wake();
  AskTrace();
  SetDueAlarm();
}

void UsbDevice::SetDueAlarm() {
  if (const std::optional<Clock::time_point> due = transfers_.NextDue()) due_.Set(*due);
}

void UsbDevice::Reset() {
  const bool restarts = model_.hung();
  model_.Reset();
  if (restarts) {
    link_->Close();
    hooks_.restart_board();
    link_ = ConnectBoard();
  }
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
