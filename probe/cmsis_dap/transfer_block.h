// DAP_TransferBlock (CMSIS-DAP 2.1, "Transfer Commands") as a value, in the sense of probe/cmsis_dap/command.h: many
// accesses to one register. Bytes and no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "probe/cmsis_dap/command.h"
#include "probe/cmsis_dap/transfer_packet.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

struct TransferBlock {
  static constexpr Command kCommand = Command::kTransferBlock;
  using Reply = TransferOutcome;
  TransferOp op;       // at most MaxWords words
  uint8_t device = 0;  // in the JTAG chain

  static size_t MaxWords(bool read, size_t packet_size);
  size_t Encode(absl::Span<uint8_t> packet) const;
  // Stores the values read in the op.
  std::optional<TransferOutcome> Decode(absl::Span<const uint8_t> reply) const;
};

}  // namespace probegate::cmsis_dap
