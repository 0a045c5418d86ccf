#include "sim/swd/sw_dp.h"

#include <bit>

namespace probegate::sim {
namespace {

// Bits of a request, the first on the wire in bit 0: start, APnDP, RnW, A2, A3, parity, stop, park (§B4.1.1).
constexpr uint64_t kStop = 1u << 6;
constexpr uint64_t kPark = 1u << 7;
constexpr uint64_t kCheckedByParity = 0x3E;

uint64_t WithParity(uint32_t data) { return data | static_cast<uint64_t>(std::popcount(data) & 1) << 32; }

}  // namespace

void SwDp::LineReset() {
  phase_ = Phase::kLineReset;
  after_line_reset_ = true;
  port_.LineReset();
}

void SwDp::Turn(Phase turn, Phase then) {
  phase_ = turn;
  after_turn_ = then;
  bits_ = port_.turnaround();
}

void SwDp::Decode() {
  const bool well_formed = (shift_ & (kStop | kPark)) == kPark && std::popcount(shift_ & kCheckedByParity) % 2 == 0;
  request_ = {.ap = (shift_ & 2) != 0, .read = (shift_ & 4) != 0, .address = static_cast<uint8_t>(shift_ >> 1 & 0xC)};
  const bool reads_dpidr = !request_.ap && request_.read && request_.address == 0;
  if (!well_formed || (after_line_reset_ && !reads_dpidr)) {
    Lock();
    return;
  }
  after_line_reset_ = false;
  ack_ = port_.Judge(request_);
  data_phase_ = ack_ == Ack::kOk || port_.overrun_detection();
  Turn(Phase::kTurnToTarget, Phase::kAck);
  shift_ = static_cast<uint64_t>(ack_);
}

void SwDp::EndAck() {
  if (data_phase_ && request_.read) {
    phase_ = Phase::kReadData;
    bits_ = 0;
    shift_ = WithParity(ack_ == Ack::kOk ? port_.Read(request_) : 0);
    return;
  }
  Turn(Phase::kTurnToHost, data_phase_ ? Phase::kWriteData : Phase::kIdle);
  shift_ = 0;
}

void SwDp::EndWriteData() {
  const uint64_t received = shift_;
  phase_ = Phase::kIdle;
  if (ack_ != Ack::kOk) return;
  const uint32_t data = static_cast<uint32_t>(received);
  if (WithParity(data) != received) {
    port_.WriteWithBadParity();
  } else {
    port_.Write(request_, data);
  }
}

}  // namespace probegate::sim
