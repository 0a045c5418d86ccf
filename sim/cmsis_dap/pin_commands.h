// The commands that set up and move the probe's pins whichever protocol they speak: DAP_Connect, DAP_Disconnect,
// DAP_SWJ_Pins, DAP_SWJ_Clock and DAP_SWJ_Sequence.
#pragma once

#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/probe_pins.h"

namespace probegate::sim {

class PinCommands {
 public:
  // `pins` must outlive it.
  explicit PinCommands(ProbePins& pins) : pins_(pins) {}

  // Command handlers (message.h).
  bool Connect(RequestReader& request, ReplyWriter& reply);
  bool Disconnect(RequestReader& request, ReplyWriter& reply);
  bool Pins(RequestReader& request, ReplyWriter& reply);
  bool Clock(RequestReader& request, ReplyWriter& reply);
  bool Sequence(RequestReader& request, ReplyWriter& reply);

 private:
  ProbePins& pins_;
};

}  // namespace probegate::sim
