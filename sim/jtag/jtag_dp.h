// The JTAG end of a DP: a TAP with Arm's instructions (ADIv5.2 §B3).
//
// A scan of DPACC or APACC has 35 bits. It shifts out the result of the previous access and an acknowledge of three
// bits, OK/FAULT or WAIT, and shifts in the next access, which begins when the scan ends unless the acknowledge was
// WAIT. JTAG has no acknowledge for FAULT alone: a failed access sets a sticky flag in CTRL/STAT, and accesses to APs
// are discarded until the flag is cleared.
#pragma once

#include <cstdint>

#include "sim/jtag/tap.h"
#include "sim/swd/debug_port.h"

namespace probegate::sim {

class JtagDp : public Tap {
 public:
  // `port` must outlive it.
  JtagDp(DebugPort& port, uint32_t idcode);

 protected:
  Register Captured(uint64_t instruction) override;
  void Update(uint64_t instruction, uint64_t value) override;

 private:
  Register CaptureAccess();
  void Access(bool ap, uint64_t scan);

  DebugPort& port_;
  const uint32_t idcode_;
  uint32_t result_ = 0;   // of the last access
  bool waiting_ = false;  // WAIT was captured
};

}  // namespace probegate::sim
