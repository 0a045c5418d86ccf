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

// DAP_JTAG_Configure: the lengths of the instruction registers in the chain, starting next to TDO; 255 at most.
struct JtagConfigure {
  static constexpr Command kCommand = Command::kJtagConfigure;
  using Reply = Done;
  absl::Span<const uint8_t> ir_lengths;

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

// A scan of all instruction or all data registers of a chain, in one DAP_JTAG_Sequence: from any state through
// Test-Logic-Reset, and back to Run-Test/Idle. After Test-Logic-Reset the data registers are IDCODE or BYPASS. After
// `tdi`, which must have at most MaxBytes, one more bit, a one, is shifted in.
struct JtagScan {
  static constexpr Command kCommand = Command::kJtagSequence;
  using Reply = std::vector<uint8_t>;  // TDO's bits while `tdi` was shifted in
  bool instructions;
  absl::Span<const uint8_t> tdi;

  // How many bytes fit in a packet, up to a bound: 40 in a packet of 64 bytes.
  static size_t MaxBytes(size_t packet_size);
  size_t cycles() const { return tdi.size() * 8 + 15; }
  size_t Encode(absl::Span<uint8_t> packet) const;
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

}  // namespace probegate::cmsis_dap
