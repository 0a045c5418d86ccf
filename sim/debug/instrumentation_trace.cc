#include "sim/debug/instrumentation_trace.h"

#include <algorithm>

namespace probegate::sim {
namespace {

constexpr uint32_t kPortsEnd = 4 * InstrumentationTrace::kPorts;
constexpr uint32_t kTer = 0xE00;
constexpr uint32_t kTpr = 0xE40;
constexpr uint32_t kTcr = 0xE80;
constexpr uint32_t kLar = 0xFB0;
constexpr uint32_t kLsr = 0xFB4;

constexpr uint32_t kTcrEnable = 1u << 0;
constexpr uint32_t kTcrTimestamps = 1u << 1;
constexpr uint32_t kTcrPrescale = 8;  // two bits: divide by 1, 4, 16, 64
constexpr uint32_t kTcrBusy = 1u << 23;

constexpr uint32_t kUnlock = 0xC5ACCE55;
constexpr uint32_t kLsrPresent = 1u << 0;
constexpr uint32_t kLsrLocked = 1u << 1;

constexpr RegisterRow kItm[] = {
    {kTer, 0, 0xFFFFFFFF}, {kTpr, 0, 0xF}, {kTcr, 0, 0x007F030F}, {0xEF8, 0, 0},  // ITATBCTR0, its readable part
    {0xF00, 0, 1},                                                                // ITCTRL
};
constexpr ComponentId kItmId = {0xE0, {0x01, 0xB0, 0x3B, 0x00, 0x04}};

// Appendix D4.2.
constexpr uint8_t kOverflow = 0x70;
constexpr uint8_t kTimestamp = 0xC0;         // format 1; bits 5:4 are TC
constexpr uint8_t kTimestampDelayed = 0x10;  // TC: the timestamp is later than the packet
constexpr uint32_t kMaxShortTimestamp = 6;   // format 2, of one byte
constexpr uint32_t kMaxTimestamp = (1u << 28) - 1;
constexpr size_t kMaxPacketBytes = 5;  // bytes, of a timestamp too

}  // namespace

InstrumentationTrace::InstrumentationTrace(const SimClock& clock, const DebugState& debug)
    : Component(kItm, kItmId), clock_(clock), debug_(debug) {}

void InstrumentationTrace::PowerUp() {
  Define(kItm);
  fifo_.clear();
  locked_ = true;
  overflowed_ = overflow_owed_ = timestamp_owed_ = false;
}

bool InstrumentationTrace::IsOn(unsigned port) const {
  return debug_.traces() && (word(kTcr) & kTcrEnable) != 0 && (word(kTer) >> port & 1) != 0;
}

// A stimulus port reads as FIFOREADY (§C1.7.3), which is 0 for a port that is off.
uint32_t InstrumentationTrace::ReadWord(uint32_t offset) {
  if (offset < kPortsEnd) return IsOn(offset / 4) && room() >= kMaxPacketBytes ? 1 : 0;
  if (offset == kTcr) return word(kTcr) | (fifo_.empty() ? 0 : kTcrBusy);
  if (offset == kLsr) return kLsrPresent | (locked_ ? kLsrLocked : 0);
  return word(offset);
}

void InstrumentationTrace::Write(uint32_t offset, unsigned size, uint32_t value) {
  if (offset < kPortsEnd) {
    WriteStimulus(offset / 4, size, value);
  } else {
    Component::Write(offset, size, value);
  }
}

void InstrumentationTrace::WriteWord(uint32_t offset, uint32_t value) {
  if (offset == kLar) locked_ = value != kUnlock;
  if (locked_ || offset == kLar) return;
  const bool stamped = (word(kTcr) & kTcrTimestamps) != 0;
  Keep(offset, value);
  if (!stamped && (word(kTcr) & kTcrTimestamps) != 0) stamped_ = clock_.now();
}

// Makes a software source packet (D4.3): a header with the port and the size (encoded as 1, 2 or 3), then the value.
void InstrumentationTrace::WriteStimulus(unsigned port, unsigned size, uint32_t value) {
  if (!IsOn(port)) return;
  if (room() < 1 + size) {
    Overflow();
    return;
  }
  overflowed_ = false;
  Push({static_cast<uint8_t>(port << 3 | (size == 4 ? 3 : size))});
  for (unsigned i = 0; i < size; ++i) Push({static_cast<uint8_t>(value >> (8 * i))});
  if ((word(kTcr) & kTcrTimestamps) != 0) {
    timestamp_owed_ = room() < kMaxPacketBytes;
    if (!timestamp_owed_) PushTimestamp(false);
  }
  if (ready_) ready_();
}

// One Overflow packet reports any number of lost packets.
void InstrumentationTrace::Overflow() {
  if (std::exchange(overflowed_, true)) return;
  overflow_owed_ = room() == 0;
  if (!overflow_owed_) Push({kOverflow});
}

// The time since the last timestamp (D4.2.4), in units of TSPrescale.
void InstrumentationTrace::PushTimestamp(bool delayed) {
  const uint64_t cycles = clock_.now() - stamped_;
  stamped_ = clock_.now();
  const unsigned shift = 2 * (word(kTcr) >> kTcrPrescale & 3);
  uint32_t value = static_cast<uint32_t>(std::min<uint64_t>(cycles >> shift, kMaxTimestamp));
  if (!delayed && value >= 1 && value <= kMaxShortTimestamp) {
    Push({static_cast<uint8_t>(value << 4)});
    return;
  }
  Push({static_cast<uint8_t>(kTimestamp | (delayed ? kTimestampDelayed : 0))});
  for (; value > 0x7F; value >>= 7) Push({static_cast<uint8_t>(value | 0x80)});
  Push({static_cast<uint8_t>(value)});
}

uint8_t InstrumentationTrace::Take() {
  const uint8_t byte = fifo_.front();
  fifo_.pop_front();
  if (overflow_owed_) {
    overflow_owed_ = false;
    Push({kOverflow});
  }
  if (timestamp_owed_ && room() >= kMaxPacketBytes) {
    timestamp_owed_ = false;
    PushTimestamp(true);
  }
  return byte;
}

}  // namespace probegate::sim
