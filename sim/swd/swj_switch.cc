#include "sim/swd/swj_switch.h"

#include <array>

namespace probegate::sim {
namespace {

// 16-bit codes after at least 50 ones, least significant bit first (ADIv5.2 §B5.3.2 and §B5.3.3). Each begins with a
// zero.
struct SwitchCode {
  WireMode from;
  uint16_t code;
  WireMode to;
};
constexpr std::array<SwitchCode, 3> kSwitchCodes = {{
    {WireMode::kJtag, 0xE79E, WireMode::kSwd},
    {WireMode::kSwd, 0xE73C, WireMode::kJtag},
    {WireMode::kSwd, 0xE3BC, WireMode::kDormant},
}};

// JTAG to dormant: five ones or more, then 31 bits (§B5.3.2).
constexpr uint64_t kJtagToDormant = uint64_t{0x33BBBBBA} << 5 | 0x1F;
constexpr unsigned kJtagToDormantBits = 36;

// Leaving dormant: the 128-bit selection alert, four zeros, the 8-bit activation code (§B5.3.4).
constexpr uint64_t kAlertFirst = 0x86852D956209F392u;
constexpr uint64_t kAlertSecond = 0x19BC0EA2E3DDAFE9u;
constexpr unsigned kActivationBits = 12;
constexpr uint64_t kActivateSwd = uint64_t{0x1A} << 4;
constexpr uint64_t kActivateJtag = uint64_t{0x0A} << 4;

}  // namespace

SwitchEvent SwjSwitch::EndCode() {
  const uint64_t code = history_ >> (64 - kSwitchCodeBits);
  for (const SwitchCode& row : kSwitchCodes) {
    if (row.from == mode_ && row.code == code) return MoveTo(row.to);
  }
  return SwitchEvent::kNone;
}

SwitchEvent SwjSwitch::ClockJtag() {
  if (history_ >> (64 - kJtagToDormantBits) != kJtagToDormant) return SwitchEvent::kNone;
  return MoveTo(WireMode::kDormant);
}

SwitchEvent SwjSwitch::ClockDormant() {
  if (older_ == kAlertFirst && history_ == kAlertSecond) {
    code_left_ = kActivationBits;
    return SwitchEvent::kNone;
  }
  if (code_left_ == 0 || --code_left_ != 0) return SwitchEvent::kNone;
  const uint64_t code = history_ >> (64 - kActivationBits);
  if (code == kActivateSwd) return MoveTo(WireMode::kSwd);
  if (code == kActivateJtag) return MoveTo(WireMode::kJtag);
  return SwitchEvent::kNone;
}

SwitchEvent SwjSwitch::MoveTo(WireMode mode) {
  mode_ = mode;
  ones_ = 0;
  code_left_ = 0;
  history_ = 0;
  older_ = 0;
  return SwitchEvent::kModeChanged;
}

}  // namespace probegate::sim
