// DAP_SWD_Configure and DAP_SWD_Sequence.
#pragma once

#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/probe_pins.h"
#include "sim/cmsis_dap/swd_master.h"

namespace probegate::sim {

class SwdCommands {
 public:
  // Both must outlive it. `settings` are those of the transfers, which Configure changes.
  SwdCommands(ProbePins& pins, SwdSettings& settings) : pins_(pins), settings_(settings) {}

  // Command handlers (message.h).
  bool Configure(RequestReader& request, ReplyWriter& reply);
  bool Sequence(RequestReader& request, ReplyWriter& reply);

 private:
  ProbePins& pins_;
  SwdSettings& settings_;
};

}  // namespace probegate::sim
