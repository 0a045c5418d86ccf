// Which TAPs are in a JTAG chain, and which of them is the debug port: from two scans of the chain, and from what the
// configuration says. Bits and no I/O; probe/cmsis_dap/jtag_search.h makes the scans.
//
// The probe has to know the chain, because it shifts BYPASS into all instruction registers but one, and an extra bit
// through each of the others' data registers (CMSIS-DAP 2.1, DAP_JTAG_Configure). TAPs are numbered as there: 0 is next
// to TDO.
//
// Errors are kTransferError, as for a debug port that does not answer: a wire that is not in JTAG looks like an
// incomprehensible chain. The messages say what was seen, and which setting helps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace probegate::cmsis_dap {

// The longest chain, and the shortest (IEEE 1149.1 §7.1.1) and longest instruction register.
inline constexpr size_t kMaxTaps = 32;
inline constexpr size_t kMinIrLength = 2;
inline constexpr size_t kMaxIrLength = 64;

// What the server's configuration says about a chain. With both, nothing has to be found.
struct JtagChainSetting {
  std::vector<uint8_t> ir_lengths;  // of all TAPs in the chain, starting next to TDO; empty: find them
  std::optional<size_t> device;     // which of them is the debug port; nothing: the first Arm DAP

  bool operator==(const JtagChainSetting&) const = default;
};

// What the probe is told: DAP_JTAG_Configure's lengths, and the device index of transfers.
struct JtagChain {
  std::vector<uint8_t> ir_lengths;
  uint8_t device = 0;

  bool operator==(const JtagChain&) const = default;
};

// A JTAG-DP alone; its instructions have four bits (ADIv5.2 §B3.2).
JtagChain SingleJtagDp();

// The chain as configured, if `setting` says everything about it.
std::optional<JtagChain> ConfiguredChain(const JtagChainSetting& setting);

// What the scans show. The data registers after Test-Logic-Reset: an IDCODE for each TAP that has one, and a zero, from
// BYPASS, for each other (IEEE 1149.1 §9.1.1, §12.1.1).
struct JtagTaps {
  std::vector<std::optional<uint32_t>> idcodes;
  std::optional<size_t> ir_bits;  // of all instruction registers together, once they have been counted

  // "2 TAPs (IDCODE 0x4ba00477, 0x06413041) and 9 IR bits"
  std::string ToText() const;
};

// Takes the TAPs from the bits of TDO, while ones were shifted in: the chain ends at 32 ones, which are no IDCODE.
absl::StatusOr<JtagTaps> ReadTaps(absl::Span<const uint8_t> tdo);

// The chain, if no scan of the instruction registers is needed: an Arm DAP alone, of which nothing else is configured.
std::optional<JtagChain> ChainWithoutIrScan(const JtagTaps& taps, const JtagChainSetting& setting);

// What a scan of the instruction registers shifts in: a zero, which comes out after as many clocks as they have bits,
// and then ones, which are BYPASS for all TAPs.
std::vector<uint8_t> IrScanTdi(size_t bytes);

// The chain, from the bits of TDO in that scan, and `taps`, which has one TAP at least. The debug port is as
// configured, or the first Arm DAP, or the only TAP. Lengths that are not configured follow from what instruction
// registers capture, a one in the lowest bit and a zero in the next (IEEE 1149.1 §7.1.1), and from those that are known
// by IDCODE. If a boundary between two other TAPs remains open, it makes no difference to the probe; if the debug
// port's own place does, that is an error.
absl::StatusOr<JtagChain> ChainFromIrScan(JtagTaps taps, const JtagChainSetting& setting,
                                          absl::Span<const uint8_t> tdo);

}  // namespace probegate::cmsis_dap
