// DAP_JTAG_Sequence, DAP_JTAG_Configure and DAP_JTAG_IDCODE.
#pragma once

#include "sim/cmsis_dap/jtag_master.h"
#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/probe_pins.h"

namespace probegate::sim {

class JtagCommands {
 public:
  // Both must outlive it. `master` is that of the transfers, whose chain Configure describes.
  JtagCommands(ProbePins& pins, JtagMaster& master) : pins_(pins), master_(master) {}

  // Command handlers (message.h).
  bool Sequence(RequestReader& request, ReplyWriter& reply);
  bool Configure(RequestReader& request, ReplyWriter& reply);
  bool Idcode(RequestReader& request, ReplyWriter& reply);

 private:
  bool is_jtag() const { return pins_.port() == ProbePins::Port::kJtag; }

  ProbePins& pins_;
  JtagMaster& master_;
};

}  // namespace probegate::sim
