// What a CMSIS-DAP device says about the board that it is on, and about that board's target.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"

namespace probegate::cmsis_dap {

// Asks with DAP_Info 5 to 8, and returns the answers as labels: "target-vendor", "target", "board-vendor" and "board".
// What the device does not say is left out; most devices that are not part of a board say nothing. A device that does
// not answer such a question properly is not asked the others. `channel` must have its markers. The only error is
// kProbeDisconnected.
absl::StatusOr<std::map<std::string, std::string>> AskTargetLabels(Channel& channel);

}  // namespace probegate::cmsis_dap
