// The bus of an ADIv6 DP (IHI 0074 §C1, §D3): a class 9 ROM table, which BASEPTR points to, and an APv2 MEM-AP.
//
// Accesses to all other addresses fail, so that a debugger that writes a wrong SELECT notices.
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
      .dpidr = 0x3BA03477, .dpidr1 = 0x20 /* 32-bit addresses */, .base_pointer = kRomTable | 1 /* valid */};
  static constexpr uint32_t kIdcode = 0x4BA06477;

  // `mem_ap`, whose registers appear from 0xD00 on, must outlive the bus.
  explicit Adiv6Bus(AccessPort& mem_ap);

  std::optional<uint32_t> Read(uint32_t address) override;
  bool Write(uint32_t address, uint32_t value) override;

 private:
  AccessPort& mem_ap_;
  Component rom_table_;
  Component mem_ap_component_;
};

}  // namespace probegate::sim
