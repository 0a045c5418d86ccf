#include "sim/peripherals/gpio.h"

#include <utility>

#include <optional>

namespace probegate::sim {
namespace {

constexpr uint32_t kPortStride = 0x300;
constexpr uint32_t kFirst = 0x504;

constexpr uint32_t kOut = 0x504;
constexpr uint32_t kOutset = 0x508;
constexpr uint32_t kOutclr = 0x50C;
constexpr uint32_t kIn = 0x510;
constexpr uint32_t kDir = 0x514;
constexpr uint32_t kDirset = 0x518;
constexpr uint32_t kDirclr = 0x51C;
constexpr uint32_t kLatch = 0x520;
constexpr uint32_t kDetectMode = 0x524;
constexpr uint32_t kPinCnf = 0x700;

// PIN_CNF.
constexpr uint32_t kDirection = 1;
constexpr uint32_t kInputDisconnected = 2;
constexpr uint32_t kPinWritable = 0x3070F;
constexpr unsigned kPullShift = 2;
constexpr uint32_t kPullUp = 3;
constexpr unsigned kDriveShift = 8;
constexpr unsigned kSenseShift = 16;
constexpr uint32_t kSenseHigh = 2;
constexpr uint32_t kSenseLow = 3;

constexpr RegisterRow kRows[] = {
    {kOut, 0, 0xFFFFFFFF},
    {kDir, 0, 0xFFFFFFFF},
    {kLatch, 0, 0xFFFFFFFF},
    {kDetectMode, 0, 1},
    {kPinCnf, kInputDisconnected, kPinWritable, 32},
    {kOut + kPortStride, 0, 0xFFFF},
    {kDir + kPortStride, 0, 0xFFFF},
    {kLatch + kPortStride, 0, 0xFFFF},
    {kDetectMode + kPortStride, 0, 1},
    {kPinCnf + kPortStride, kInputDisconnected, kPinWritable, 16},
};

// Whether an output drives this level, depending on DRIVE: S0S1, H0S1, S0H1, H0H1, D0S1, D0H1, S0D1, H0D1.
bool Drives(uint32_t drive, bool high) {
  const bool open_low = drive == 4 || drive == 5;
  const bool open_high = drive == 6 || drive == 7;
  return high ? !open_high : !open_low;
}

// The port that a register belongs to, and the offset of the same register of the first port.
struct Place {
  unsigned port;
  uint32_t offset;
};
std::optional<Place> Find(uint32_t offset) {
  for (unsigned port = 0; port < Gpio::kPorts; ++port) {
    const uint32_t at = offset - port * kPortStride;
    const uint32_t configurations_end = kPinCnf + 4 * Gpio::kPins[port];
    if ((at >= kFirst && at <= kDetectMode) || (at >= kPinCnf && at < configurations_end)) return Place{port, at};
  }
  return std::nullopt;
}

}  // namespace

Gpio::Gpio() : RegisterBlock(kRows) {}

void Gpio::Reset(ResetCause) {
  Define(kRows);
  TraceLevels();
}

void Gpio::TraceLevels() {
  for (unsigned port = 0; port < kPorts && trace_ != nullptr; ++port) {
    const uint32_t now = levels(port);
    if (std::exchange(traced_levels_[port], now) != now) trace_->Line("pins {} {:08x}", port, now);
  }
}

uint32_t Gpio::out(unsigned port) const { return word(kOut + port * kPortStride); }
uint32_t Gpio::dir(unsigned port) const { return word(kDir + port * kPortStride); }

uint32_t Gpio::levels(unsigned port) const {
  uint32_t levels = 0;
  for (unsigned pin = 0; pin < kPins[port]; ++pin) levels |= static_cast<uint32_t>(Level(port, pin)) << pin;
  return levels;
}

void Gpio::Drive(unsigned port, unsigned pin, PinDrive drive) {
  outside_[port][pin] = drive;
  UpdateLatches();
}

uint32_t Gpio::PinConfiguration(unsigned port, unsigned pin) const {
  return word(kPinCnf + port * kPortStride + 4 * pin);
}

bool Gpio::Level(unsigned port, unsigned pin) const {
  const uint32_t configuration = PinConfiguration(port, pin);
  const bool high = (out(port) >> pin & 1) != 0;
  if ((configuration & kDirection) != 0 && Drives(configuration >> kDriveShift & 7, high)) return high;
  if (outside_[port][pin] != PinDrive::kFloating) return outside_[port][pin] == PinDrive::kHigh;
  return (configuration >> kPullShift & 3) == kPullUp;
}

uint32_t Gpio::Input(unsigned port) const {
  uint32_t connected = 0;
  for (unsigned pin = 0; pin < kPins[port]; ++pin) {
    if ((PinConfiguration(port, pin) & kInputDisconnected) == 0) connected |= 1u << pin;
  }
  return levels(port) & connected;
}

void Gpio::UpdateLatches() {
  TraceLevels();
  for (unsigned port = 0; port < kPorts; ++port) {
    for (unsigned pin = 0; pin < kPins[port]; ++pin) {
      const uint32_t sense = PinConfiguration(port, pin) >> kSenseShift & 3;
      if (sense != kSenseHigh && sense != kSenseLow) continue;
      if (Level(port, pin) == (sense == kSenseHigh)) word(kLatch + port * kPortStride) |= 1u << pin;
    }
  }
}

uint32_t Gpio::ReadWord(uint32_t offset) {
  const std::optional<Place> place = Find(offset);
  if (!place) return 0;
  switch (place->offset) {
    case kOutset:
    case kOutclr:
      return out(place->port);
    case kDirset:
    case kDirclr:
      return dir(place->port);
    case kIn:
      return Input(place->port);
    default:
      return word(offset);
  }
}

// Registers that act on bits ignore bits that are written as zero.
uint32_t Gpio::OtherLanes(uint32_t offset) {
  const std::optional<Place> place = Find(offset);
  if (!place) return 0;
  const uint32_t at = place->offset;
  const bool acts = at == kOutset || at == kOutclr || at == kDirset || at == kDirclr || at == kLatch;
  return acts ? 0 : word(offset);
}

void Gpio::WriteWord(uint32_t offset, uint32_t value) {
  const std::optional<Place> place = Find(offset);
  if (!place) return;
  const unsigned port = place->port;
  const uint32_t out_register = kOut + port * kPortStride;
  switch (place->offset) {
    case kOutset:
      Keep(out_register, out(port) | value);
      break;
    case kOutclr:
      Keep(out_register, out(port) & ~value);
      break;
    case kDir:
      SetDirection(port, value);
      break;
    case kDirset:
      SetDirection(port, dir(port) | value);
      break;
    case kDirclr:
      SetDirection(port, dir(port) & ~value);
      break;
    case kLatch:
      word(offset) &= ~value;
      break;
    default:
      Keep(offset, value);
      if (place->offset >= kPinCnf) {
        const uint32_t pin = 1u << ((place->offset - kPinCnf) / 4);
        SetDirection(port, (value & kDirection) != 0 ? dir(port) | pin : dir(port) & ~pin);
      }
  }
  UpdateLatches();
}

// DIR and the DIR bits of PIN_CNF are the same bits.
void Gpio::SetDirection(unsigned port, uint32_t value) {
  Keep(kDir + port * kPortStride, value);
  for (unsigned pin = 0; pin < kPins[port]; ++pin) {
    uint32_t& configuration = word(kPinCnf + port * kPortStride + 4 * pin);
    configuration = (configuration & ~kDirection) | (value >> pin & kDirection);
  }
}

}  // namespace probegate::sim
