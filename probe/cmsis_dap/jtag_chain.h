// The devices on a JTAG chain, as a setting gives them for a chain that cannot be found by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace probegate::cmsis_dap {

struct JtagChainSetting {
  std::vector<uint8_t> ir_lengths;  // of all TAPs in the chain, starting next to TDO; empty: find them
  std::optional<size_t> device;     // which of them is the debug port; nothing: the first Arm DAP
};

}  // namespace probegate::cmsis_dap
