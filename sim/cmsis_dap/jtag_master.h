// The probe's end of a JTAG chain: scans as clocks and levels, as Arm's firmware makes them (JTAG_DP.c).
//
// Every scan begins and ends in Run-Test/Idle.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "sim/cmsis_dap/wire_master.h"
#include "sim/swd/swj_dp.h"

namespace probegate::sim {

class JtagMaster : public WireMaster {
 public:
  static constexpr size_t kMaxDevices = 8;

  // `pins` must outlive it. The chain has no devices until Configure.
  explicit JtagMaster(SwjDp& pins) : pins_(pins) {}

  // DAP_JTAG_Configure: the instruction lengths of the devices, starting with the one next to TDO. False if there are
  // more than kMaxDevices.
  bool Configure(std::span<const uint8_t> instruction_bits);
  void set_idle_cycles(unsigned cycles) { idle_cycles_ = cycles; }

  bool Begin(uint8_t device) override;
  // A scan returns the result of the access before it; after a change of instruction that result is fetched through
  // RDBUFF.
  bool Posts(uint8_t) const override { return true; }
  uint8_t Transfer(uint8_t request, uint32_t* data, bool spoiled) override;

  // DAP_WriteABORT and DAP_JTAG_IDCODE, for the device that Begin selected.
  void WriteAbort(uint32_t value);
  uint32_t ReadIdcode();

 private:
  void Select(uint8_t instruction);
  void EnterShiftDr();
  void LeaveShiftDr(bool last_bit);
  bool Cycle(bool tms, bool tdi) { return pins_.ClockJtag(tms, tdi); }
  void Cycles(unsigned count, bool tms, bool tdi) {
    for (; count != 0; --count) Cycle(tms, tdi);
  }

  SwjDp& pins_;
  std::array<uint8_t, kMaxDevices> instruction_bits_{};
  size_t device_count_ = 0;
  size_t device_ = 0;
  std::optional<uint8_t> instruction_;  // of the device, since Begin
  unsigned idle_cycles_ = 0;
};

}  // namespace probegate::sim
