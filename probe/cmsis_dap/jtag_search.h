// Finds the TAPs in the chain that a probe is connected to, with as few packets as possible: one scan of the data
// registers, and unless that is enough, one of the instruction registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/jtag_chain.h"

namespace probegate::cmsis_dap {

// The probe must be connected for JTAG, and `hertz` is its clock. Leaves the TAPs in Run-Test/Idle, whatever state they
// were in, with other instructions than before; the registers of debug ports stay as they are. Errors: kTransferError
// if the chain does not answer or cannot be understood (jtag_chain.h), and those of Channel.
absl::StatusOr<JtagChain> FindJtagChain(Channel& channel, size_t packet_size, uint32_t hertz,
                                        const JtagChainSetting& setting);

}  // namespace probegate::cmsis_dap
