// Translates accesses to a target's memory into accesses to a MEM-AP's registers: pure arithmetic, no probe.
//
// A memory access is cut into runs. Within a run CSW stays as it is, TAR is written once, and DRW is accessed
// `transfers` times while TAR counts by itself; so a run never crosses the page within which TAR is known to count
// (ADIv5.2 §C2.2.2).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace probegate::adi {

// The page, in bytes, within which TAR of every MEM-AP is guaranteed to count (§C2.2.2).
inline constexpr uint32_t kPromisedPage = 1024;

enum class AccessSize : uint8_t { k8 = 1, k16 = 2, k32 = 4 };

struct MemApRun {
  uint64_t address = 0;  // TAR
  AccessSize size = AccessSize::k32;
  uint32_t transfers = 0;   // accesses to DRW
  uint32_t byte_count = 0;  // of the target's memory
};

// Cuts a block of `byte_count` bytes at `address`, of any alignment, into runs: words in the aligned middle, bytes and
// halfwords at the ends. No run is empty; an empty block has no runs. `page` is the value of TarIncrementPage, in
// bytes.
std::vector<MemApRun> SplitBlock(uint64_t address, uint64_t byte_count, uint32_t page = kPromisedPage);

// One access of exactly `size` at `address`, which must be a multiple of it. For registers of peripherals.
MemApRun SingleAccess(uint64_t address, AccessSize size);

// CSW for `run`: `base` with Size and AddrInc replaced.
uint32_t CswFor(uint32_t base, const MemApRun& run);

// Words to write to DRW for `run`, from its byte_count bytes: each unit goes into the byte lanes of its address
// (§C2.2.6).
std::vector<uint32_t> ToLanes(const MemApRun& run, absl::Span<const uint8_t> bytes);

// The inverse, for words read from DRW; `bytes` has room for run.byte_count.
void FromLanes(const MemApRun& run, absl::Span<const uint32_t> words, absl::Span<uint8_t> bytes);

// The value of TAR after `transfers` accesses to DRW with `csw`, starting from `tar`. Beyond the end of its page TAR
// wraps within `page`, as the known APs do.
uint64_t AdvanceTar(uint64_t tar, uint32_t csw, uint64_t transfers, uint32_t page);

}  // namespace probegate::adi
