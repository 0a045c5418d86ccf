// The probe's end of the wire: SWD transfers as clocks and levels, as a probe's firmware makes them.
#pragma once

#include <cstdint>

#include "sim/swd/swj_dp.h"

namespace probegate::sim {

// DAP_SWD_Configure and the idle cycles of DAP_TransferConfigure.
struct SwdSettings {
  unsigned turnaround = 1;  // clocks
  bool data_phase = false;  // always, also after WAIT and FAULT
  unsigned idle_cycles = 0;
};

class SwdMaster {
 public:
  // `pins` must outlive it.
  explicit SwdMaster(SwjDp& pins) : pins_(pins) {}

  SwdSettings& settings() { return settings_; }

  // One transfer; `request` as in DAP_Transfer, bits 3:0. Returns the three bits that were read as acknowledge, or
  // kAckProtocolError for data with wrong parity. `*data` is sent, or gets what was read.
  // `spoil_parity` sends the request with its parity wrong.
  uint8_t Transfer(uint8_t request, uint32_t* data, bool spoil_parity);

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
