// CTRL-AP: the access port that works even while access port protection blocks the others. It can reset the chip, erase
// everything, and shows whether the chip is protected (nRF52840 PS v1.1, chapter "Debug and trace", "CTRL-AP").
//
// Access port protection depends on UICR.APPROTECT, which is read at each reset: a zero low byte blocks the AHB-AP.
// Erase-all removes the protection. Later revisions of the chip, which are not modelled, have a second mechanism, with
// registers at 0x40000550.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "sim/peripherals/nvmc.h"
#include "sim/target/access_port.h"
#include "sim/target/memory.h"
#include "sim/target/reset.h"

namespace probegate::sim {

class CtrlAp : public AccessPort, public Resettable {
 public:
  // The word of UICR that protects a chip, and its value.
  static constexpr uint32_t kUicrApprotect = 0x10001208;
  static constexpr std::array<uint8_t, 4> kProtected = {0x00, 0xFF, 0xFF, 0xFF};

  // `hold_reset` holds the chip in reset, with cause kCtrlAp, or releases it. The others must outlive this.
  CtrlAp(Nvmc& nvmc, const Flash& uicr, Ram& ram, std::function<void(bool held)> hold_reset);

  void Reset(ResetCause cause) override;

  // Whether access port protection is on, so that the AHB-AP refuses all accesses to the bus.
  bool locked() const { return locked_; }

  std::optional<uint32_t> Read(uint8_t offset) override;
  bool Write(uint8_t offset, uint32_t value) override;

 private:
  void EraseAll();

  Nvmc& nvmc_;
  const Flash& uicr_;
  Ram& ram_;
  const std::function<void(bool)> hold_reset_;
  bool holds_reset_ = false;
  bool locked_ = false;
};

}  // namespace probegate::sim
