// A JTAG chain as text, for the command line.
#pragma once

#include <string_view>

#include "sim/swd/swj_dp.h"

namespace probegate::sim {

// "dap,5:0x06413041,8": the TAPs starting next to TDO. "dap" is the JTAG-DP, and is there once; each other TAP is the
// length of its instruction register (2 to 64), with its IDCODE after a colon if it has one. Throws
// std::invalid_argument with a message that begins with the option's name.
OtherTaps ParseJtagChain(std::string_view text);

}  // namespace probegate::sim
