// The probe's end of an SWD wire: transfers as clocks and levels, as a probe's firmware makes them.
#pragma once

#include <cstdint>

#include "sim/cmsis_dap/protocol.h"
#include "sim/cmsis_dap/wire_master.h"
#include "sim/swd/swj_dp.h"

namespace probegate::sim {

// DAP_SWD_Configure and the idle cycles of DAP_TransferConfigure.
struct SwdSettings {
  unsigned turnaround = 1;  // clocks
  bool data_phase = false;  // always have one, even after WAIT and FAULT
  unsigned idle_cycles = 0;
};

class SwdMaster : public WireMaster {
 public:
  // `pins` must outlive it.
  explicit SwdMaster(SwjDp& pins) : pins_(pins) {}

  SwdSettings& settings() { return settings_; }

  bool Begin(uint8_t) override { return true; }
  bool Posts(uint8_t request) const override { return (request & kTransferAp) != 0; }

  // Returns the three bits that were read as the acknowledge, or kAckProtocolError for data with wrong parity.
  // `spoil_parity` sends the request with wrong parity.
  uint8_t Transfer(uint8_t request, uint32_t* data, bool spoil_parity) override;

 private:
  void SendRequest(uint8_t request, bool spoil_parity);
  uint8_t ReadData(uint32_t* data);
  void WriteData(uint32_t data);
  void Float(unsigned clocks);
  void Drive(unsigned clocks, bool level);

  SwjDp& pins_;
  SwdSettings settings_;
};

}  // namespace probegate::sim
