#include "probe/cmsis_dap/probe_port.h"

#include <chrono>
#include <thread>

#include "base/hex.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using std::chrono::microseconds;

constexpr microseconds kResetPulse{20'000};
constexpr microseconds kResetRise{100'000};  // for nRESET to be high again, against a capacitor on it
constexpr microseconds kOwnReset = std::chrono::seconds(1);

}  // namespace

absl::Status ProbePort::Connect(WireProtocol protocol) {
  wire_.reset();
  absl::Status status = Join(protocol);
  if (!status.ok()) {
    static_cast<void>(LeaveUnlessNeeded());
    return status;
  }
  wire_ = last_ = protocol;
  return absl::OkStatus();
}

absl::Status ProbePort::Disconnect() {
  wire_.reset();
  return LeaveUnlessNeeded();
}

absl::Status ProbePort::Join(WireProtocol protocol) {
  if (device_ == protocol) return absl::OkStatus();
  const std::optional<WireProtocol> before = device_;
  absl::Status status = Switch(protocol);
  // The holder of nRESET must not lose it because of a protocol that the device does not have.
  if (!status.ok() && held_ && before) static_cast<void>(Switch(*before));
  return status;
}

absl::Status ProbePort::Switch(WireProtocol protocol) {
  const cmsis_dap::Connect command{.jtag = protocol == WireProtocol::kJtag};
  device_.reset();
  driven_ = true;
  const auto reply = channel_.Ask(command);
  if (!reply.ok()) return reply.status();
  if (!reply->connected) return Refused(Named(command), "it answered " + Hex(reply->port, 2));
  device_ = protocol;
  return held_ ? Pin(true, microseconds(0)).status() : absl::OkStatus();
}

absl::Status ProbePort::LeaveUnlessNeeded() {
  if (wire_ || held_ || !driven_) return absl::OkStatus();
  device_.reset();
  driven_ = false;
  return channel_.Offer(cmsis_dap::Disconnect{}).status();
}

absl::Status ProbePort::HoldReset(bool low) {
  absl::Status status = low ? Join(device_.value_or(last_)) : channel_.CheckPresent();
  if (status.ok() && device_) status = Pin(low, microseconds(0)).status();
  if (status.ok() || !low) {
    held_ = low;
  } else if (!held_) {
    LetGo();
  }
  const absl::Status left = LeaveUnlessNeeded();
  return status.ok() ? left : status;
}

// If a reply was lost, nRESET may be low although nobody holds it.
void ProbePort::LetGo() {
  if (device_) static_cast<void>(Pin(false, microseconds(0)));
}

absl::Status ProbePort::PulseReset() {
  if (held_) return channel_.CheckPresent();
  absl::Status status = Join(device_.value_or(last_));
  if (status.ok()) status = RunReset();
  const absl::Status left = LeaveUnlessNeeded();
  return status.ok() ? left : status;
}

absl::Status ProbePort::RunReset() {
  const auto own = channel_.Offer(ResetTarget{}, kOwnReset);
  if (!own.ok()) return own.status();
  return *own && (*own)->was_reset ? absl::OkStatus() : Pulse();
}

absl::Status ProbePort::Pulse() {
  if (absl::Status status = Pin(true, microseconds(0)).status(); !status.ok()) {
    LetGo();
    return status;
  }
  const auto delay = channel_.Offer(Delay{static_cast<uint16_t>(kResetPulse.count())}, kResetPulse);
  if (delay.ok() && !*delay) std::this_thread::sleep_for(kResetPulse);
  const absl::StatusOr<bool> low = Pin(false, kResetRise);
  if (!delay.ok()) return delay.status();
  if (!low.ok()) return low.status();
  if (*low && believed()) return MakeError(ErrorKind::kProbeError, "nRESET stays low after it was released");
  return absl::OkStatus();
}

absl::StatusOr<bool> ProbePort::IsResetLow() {
  if (!device_) {
    absl::Status status = channel_.CheckPresent();
    return status.ok() ? absl::StatusOr<bool>(held_) : status;
  }
  const absl::StatusOr<bool> low = Pin(std::nullopt, microseconds(0));
  if (!low.ok() && !IsRefusal(low.status())) return low.status();
  return low.ok() && believed() ? *low : held_;
}

absl::StatusOr<bool> ProbePort::Pin(std::optional<bool> low, microseconds wait) {
  const SwjPins command{.output = low == false ? kPinReset : uint8_t{0},
                        .select = low ? kPinReset : uint8_t{0},
                        .wait_microseconds = static_cast<uint32_t>(wait.count())};
  const auto reply = channel_.Ask(command, wait);
  if (!reply.ok()) return reply.status();
  const bool reads_low = (reply->pins & kPinReset) == 0;
  (reads_low ? read_low_ : read_high_) = true;
  return reads_low;
}

absl::Status ProbePort::Restore() {
  device_.reset();
  driven_ = false;
  return wire_ || held_ ? Join(last_) : absl::OkStatus();
}

void ProbePort::Close() {
  static_cast<void>(HoldReset(false));
  static_cast<void>(Disconnect());
}

}  // namespace probegate::cmsis_dap
