// DAP_JTAG_Configure and DAP_JTAG_Sequence as values (CMSIS-DAP 2.1, "JTAG Commands"). probe/cmsis_dap/command.h says
// what a command is. Bytes and no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "probe/cmsis_dap/command.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

// A chain of one device, whose instructions have four bits, as those of a JTAG-DP (ADIv5.2 §B3.2).
struct JtagConfigure {
  static constexpr Command kCommand = Command::kJtagConfigure;
  using Reply = Done;

  size_t Encode(absl::Span<uint8_t> packet) const;
};

// DAP_JTAG_Sequence of a whole stretch, which must have at most MaxCycles.
struct JtagSequence {
  static constexpr Command kCommand = Command::kJtagSequence;
  using Reply = std::vector<uint8_t>;  // what was captured
  JtagStretch stretch;

  static size_t MaxCycles(size_t packet_size);
  size_t Encode(absl::Span<uint8_t> packet) const;
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

}  // namespace probegate::cmsis_dap
