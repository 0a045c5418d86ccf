// The bus behind a DP of ADIv6 (IHI 0074 §C1, §D3): a class 9 ROM table, which BASEPTR points to, and an APv2 MEM-AP.
//
// Elsewhere on it nothing answers: an access there fails, so that a debugger that selects wrongly finds out.
#pragma once

#include "sim/swd/ap_bus.h"
#include "sim/swd/debug_port.h"
#include "sim/target/access_port.h"
#include "sim/target/components.h"

namespace probegate::sim {

class Adiv6Bus : public ApBus {
 public:
  static constexpr uint32_t kRomTable = 0x00010000;
  static constexpr uint32_t kMemAp = 0x00012000;
  static constexpr DpIdentity kDp = {
      .dpidr = 0x3BA03477, .dpidr1 = 0x20 /* addresses of 32 bits */, .base_pointer = kRomTable | 1 /* valid */};
  static constexpr uint32_t kIdcode = 0x4BA06477;

  // `mem_ap`, whose registers lie from 0xD00 on, must outlive the bus.
  explicit Adiv6Bus(AccessPort& mem_ap);

  std::optional<uint32_t> Read(uint32_t address) override;
  bool Write(uint32_t address, uint32_t value) override;

 private:
  AccessPort& mem_ap_;
  Component rom_table_;
  Component mem_ap_component_;
};

}  // namespace probegate::sim
