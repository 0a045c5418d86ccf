#include "sim/debug/trace_port.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kAcpr = 0x010;
constexpr uint32_t kSppr = 0x0F0;
constexpr uint32_t kFfcr = 0x304;
constexpr uint32_t kClaimSet = 0xFA0;
constexpr uint32_t kClaimClear = 0xFA4;

constexpr uint32_t kSpprNrz = 2;
constexpr uint32_t kFfcrFormatter = 1u << 1;
constexpr uint32_t kClaims = 0xF;

constexpr RegisterRow kTpiu[] = {
    {0x000, 0xF, 0},            // SSPSR
    {0x004, 1, 0xF},            // CSPSR
    {kAcpr, 0, 0x1FFF},         //
    {kSppr, 1, 0x3},            //
    {0x300, 0x8, 0},            // FFSR: the formatter cannot be stopped
    {kFfcr, 0x102, 0x102},      //
    {0xF00, 0, 0x3},            // ITCTRL
    {kClaimClear, 0, kClaims},  // what is claimed
    {0xFC8, 0xCA1, 0},          // DEVID: SWO as NRZ and Manchester
    {0xFCC, 0x11, 0},           // DEVTYPE
};
constexpr ComponentId kTpiuId = {0x90, {0xA1, 0xB9, 0x0B, 0x00, 0x04}};

}  // namespace

TracePort::TracePort(SimClock& clock, InstrumentationTrace& source, std::function<TracePins()> pins)
    : Component(kTpiu, kTpiuId), clock_(clock), source_(source), pins_(std::move(pins)), sent_(clock, [this] {
        if (!source_.empty()) SendNext();
      }) {
  source_.OnData([this] {
    if (!sent_.is_set()) SendNext();
  });
}

void TracePort::PowerUp() {
  Define(kTpiu);
  sent_.Clear();
}

// A change of the rate takes effect with the next byte.
void TracePort::SendNext() {
  const TracePins pins = pins_();
  const uint64_t bit_cycles = uint64_t{word(kAcpr) + 1} * (clock_.hz() / pins.clock_hz);
  const uint8_t byte = source_.Take();
  const bool seen = pins.serial && word(kSppr) == kSpprNrz && (word(kFfcr) & kFfcrFormatter) == 0;
  if (seen && listener_) listener_({.start = clock_.now(), .bit_cycles = bit_cycles, .byte = byte});
  sent_.SetIn(SwoFrame::kBits * bit_cycles);
}

uint32_t TracePort::ReadWord(uint32_t offset) { return offset == kClaimSet ? kClaims : word(offset); }

void TracePort::WriteWord(uint32_t offset, uint32_t value) {
  if (offset == kClaimSet) {
    Keep(kClaimClear, word(kClaimClear) | value);
  } else if (offset == kClaimClear) {
    Keep(kClaimClear, word(kClaimClear) & ~value);
  } else {
    Keep(offset, value);
  }
}

}  // namespace probegate::sim
