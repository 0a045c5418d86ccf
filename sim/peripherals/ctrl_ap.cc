#include "sim/peripherals/ctrl_ap.h"

#include <utility>

namespace probegate::sim {
namespace {

constexpr uint8_t kReset = 0x00;
constexpr uint8_t kEraseAll = 0x04;
constexpr uint8_t kEraseAllStatus = 0x08;
constexpr uint8_t kApprotectStatus = 0x0C;
constexpr uint8_t kIdr = 0xFC;

constexpr uint32_t kCtrlApIdr = 0x02880000;
constexpr uint32_t kUicrPage = 0xFFF;

}  // namespace

CtrlAp::CtrlAp(Nvmc& nvmc, const Flash& uicr, Ram& ram, std::function<void(bool held)> hold_reset)
    : nvmc_(nvmc), uicr_(uicr), ram_(ram), hold_reset_(std::move(hold_reset)) {
  Reset(ResetCause::kPowerOn);
}

// RESET is the debugger's register, so only a loss of power clears it.
void CtrlAp::Reset(ResetCause cause) {
  locked_ = uicr_.bytes()[kUicrApprotect & kUicrPage] == 0;
  if (cause == ResetCause::kPowerOn && std::exchange(holds_reset_, false)) hold_reset_(false);
}

std::optional<uint32_t> CtrlAp::Read(uint8_t offset) {
  switch (offset) {
    case kReset:
      return holds_reset_ ? 1 : 0;
    case kEraseAllStatus:
      return nvmc_.busy() ? 1 : 0;
    case kApprotectStatus:
      return locked_ ? 0 : 1;
    case kIdr:
      return kCtrlApIdr;
    default:
      return 0;
  }
}

bool CtrlAp::Write(uint8_t offset, uint32_t value) {
  const bool set = (value & 1) != 0;
  if (offset == kReset && set != holds_reset_) {
    holds_reset_ = set;
    hold_reset_(set);
  } else if (offset == kEraseAll && set) {
    EraseAll();
  }
  return true;
}

void CtrlAp::EraseAll() {
  nvmc_.EraseAll();
  for (uint32_t offset = 0; offset < ram_.bytes().size(); offset += 4) ram_.Write(offset, 4, 0);
  locked_ = false;
}

}  // namespace probegate::sim
