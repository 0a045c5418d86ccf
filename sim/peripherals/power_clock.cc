#include "sim/peripherals/power_clock.h"

#include <array>

namespace probegate::sim {
namespace {

constexpr uint32_t kTaskHfclkStart = 0x000;
constexpr uint32_t kTaskHfclkStop = 0x004;
constexpr uint32_t kTaskLfclkStart = 0x008;
constexpr uint32_t kTaskLfclkStop = 0x00C;
constexpr uint32_t kTaskCalibrate = 0x010;
constexpr uint32_t kEventHfclkStarted = 0x100;
constexpr uint32_t kEventLfclkStarted = 0x104;
constexpr uint32_t kEventCalibrated = 0x10C;
// HFCLKSTARTED, LFCLKSTARTED, POFWARN, DONE, CTTO, SLEEPENTER, SLEEPEXIT, three of USB power, CTSTARTED, CTSTOPPED.
constexpr uint32_t kEvents = 0xFFF;

constexpr uint32_t kResetReas = 0x400;
constexpr uint32_t kHfclkRun = 0x408;
constexpr uint32_t kHfclkStat = 0x40C;
constexpr uint32_t kLfclkRun = 0x414;
constexpr uint32_t kLfclkStat = 0x418;
constexpr uint32_t kLfclkSrcCopy = 0x41C;
constexpr uint32_t kGpregret = 0x51C;
constexpr uint32_t kGpregret2 = 0x520;
constexpr uint32_t kLfclkSrc = 0x518;
constexpr uint32_t kRamPower = 0x900;  // POWER, POWERSET, POWERCLR and a gap for each of nine blocks
constexpr uint32_t kRamPowerEnd = 0x990;

constexpr uint32_t kTraceConfig = 0x55C;
constexpr uint32_t kTraceSpeed = 3;  // 0 is 32 MHz; each step halves it
constexpr uint32_t kTraceFastestHz = 32'000'000;
constexpr unsigned kTraceMux = 16;
constexpr uint32_t kTraceMuxSerial = 1;

constexpr uint32_t kState = 1u << 16;  // in HFCLKSTAT and LFCLKSTAT: running
constexpr uint32_t kSource = 3;

constexpr RegisterRow kRows[] = {
    {kHfclkRun, 0, 0},
    {kHfclkStat, 0, 0},
    {kLfclkRun, 0, 0},
    {kLfclkStat, 0, 0},
    {kLfclkSrcCopy, 0, 0},
    {0x428, 0xF, 0},             // RAMSTATUS
    {0x510, 0, 0xF1F},           // POFCON
    {kLfclkSrc, 0, 0x30003},     // SRC, BYPASS, EXTERNAL
    {0x528, 0x10, 0xFF},         // HFXODEBOUNCE
    {0x538, 0, 0x7F},            // CTIV
    {kTraceConfig, 0, 0x30003},  //
    {0x578, 0, 1},               // DCDCEN
    {0x580, 0, 1},               // DCDCEN0
    {0x5B4, 0, 3},               // LFRCMODE
};

// Registers that some resets leave unchanged.
constexpr RegisterRow kRetained[] = {
    {kGpregret, 0, 0xFF},
    {kGpregret2, 0, 0xFF},
    {kRamPower + 0x00, 0xFFFF, ~0u},
    {kRamPower + 0x10, 0xFFFF, ~0u},
    {kRamPower + 0x20, 0xFFFF, ~0u},
    {kRamPower + 0x30, 0xFFFF, ~0u},
    {kRamPower + 0x40, 0xFFFF, ~0u},
    {kRamPower + 0x50, 0xFFFF, ~0u},
    {kRamPower + 0x60, 0xFFFF, ~0u},
    {kRamPower + 0x70, 0xFFFF, ~0u},
    {kRamPower + 0x80, 0xFFFF, ~0u},
};

// Start-up times in microseconds: that of the high-frequency crystal, with its debouncing, and those of the
// low-frequency clock by LFCLKSRC.SRC: RC oscillator, crystal, synthesizer.
constexpr uint64_t kHfxoStart = 360;
constexpr std::array<uint64_t, 4> kLfclkStart = {600, 250'000, 100, 600};

uint32_t ReasonBit(ResetCause cause) {
  switch (cause) {
    case ResetCause::kPin:
      return 1u << 0;  // RESETPIN
    case ResetCause::kRequest:
    case ResetCause::kCtrlAp:
      return 1u << 2;  // SREQ
    case ResetCause::kPowerOn:
    case ResetCause::kVector:
      return 0;
  }
  return 0;
}

}  // namespace

PowerClock::PowerClock(SimClock& clock, InterruptLines& lines, unsigned irq)
    : Peripheral(lines, irq, kEvents, kRows),
      clock_(clock),
      high_{kEventHfclkStarted, kHfclkRun, kHfclkStat, Alarm(clock, [this] { Started(high_); })},
      low_{kEventLfclkStarted, kLfclkRun, kLfclkStat, Alarm(clock, [this] { Started(low_); })} {
  Define(kRetained);
}

void PowerClock::Reset(ResetCause cause) {
  Peripheral::Reset(cause);
  high_.started.Clear();
  low_.started.Clear();
  if (cause == ResetCause::kPowerOn) word(kResetReas) = 0;
  if (cause == ResetCause::kPowerOn || cause == ResetCause::kPin) Define(kRetained);
  word(kResetReas) |= ReasonBit(cause);
}

TracePins PowerClock::trace_pins() const {
  const uint32_t config = word(kTraceConfig);
  return {.serial = (config >> kTraceMux & 3) == kTraceMuxSerial,
          .clock_hz = kTraceFastestHz >> (config & kTraceSpeed)};
}

void PowerClock::StartTask(uint32_t offset) {
  switch (offset) {
    case kTaskHfclkStart:
      Start(high_, kHfxoStart);
      return;
    case kTaskHfclkStop:
      Stop(high_);
      return;
    case kTaskLfclkStart:
      word(kLfclkSrcCopy) = word(kLfclkSrc) & kSource;
      Start(low_, kLfclkStart[word(kLfclkSrcCopy)]);
      return;
    case kTaskLfclkStop:
      Stop(low_);
      return;
    case kTaskCalibrate:
      Raise(kEventCalibrated);
      return;
    default:
      return;
  }
}

void PowerClock::Start(Oscillator& oscillator, uint64_t microseconds) {
  word(oscillator.run) = 1;
  // If it is running already, the event comes immediately.
  if ((word(oscillator.stat) & kState) != 0) {
    Raise(oscillator.event);
  } else if (!oscillator.started.is_set()) {
    oscillator.started.SetIn(clock_.FromMicroseconds(microseconds));
  }
}

void PowerClock::Started(Oscillator& oscillator) {
  const uint32_t source = &oscillator == &high_ ? 1 : word(kLfclkSrcCopy);  // the crystal
  word(oscillator.stat) = kState | source;
  Raise(oscillator.event);
}

void PowerClock::Stop(Oscillator& oscillator) {
  oscillator.started.Clear();
  word(oscillator.run) = 0;
  word(oscillator.stat) = 0;
}

void PowerClock::WriteRegister(uint32_t offset, uint32_t value) {
  if (offset == kResetReas) {
    word(offset) &= ~value;
  } else if (offset >= kRamPower && offset < kRamPowerEnd) {
    WriteRamPower(offset, value);
  } else {
    Keep(offset, value);
  }
}

void PowerClock::WriteRamPower(uint32_t offset, uint32_t value) {
  const uint32_t power = offset & ~0xFu;
  switch (offset & 0xF) {
    case 0x0:
      Keep(power, value);
      return;
    case 0x4:
      Keep(power, word(power) | value);
      return;
    case 0x8:
      Keep(power, word(power) & ~value);
      return;
    default:
      return;
  }
}

}  // namespace probegate::sim
