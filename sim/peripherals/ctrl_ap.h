// CTRL-AP: the access port that works on a chip whose others are shut: reset, erase of everything, and whether they are
// shut (nRF52840 PS v1.1, chapter "Debug and trace", "CTRL-AP").
//
// Access port protection is UICR.APPROTECT, looked at in each reset: 0 in its low byte shuts the AHB-AP. This is a
// revision of the chip that knows no other way, such as that of the registers at 0x40000550. Erase-all opens the chip.
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
  // What protects a chip, and where.
  static constexpr uint32_t kUicrApprotect = 0x10001208;
  static constexpr std::array<uint8_t, 4> kProtected = {0x00, 0xFF, 0xFF, 0xFF};

  // `hold_reset` holds the chip in reset, or lets it go: by kCtrlAp. The others must outlive it.
  CtrlAp(Nvmc& nvmc, const Flash& uicr, Ram& ram, std::function<void(bool held)> hold_reset);

  void Reset(ResetCause cause) override;

  // Whether access port protection is on: then the AHB-AP lets nobody through.
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
