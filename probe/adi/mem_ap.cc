#include "probe/adi/mem_ap.h"

#include <algorithm>

#include "probe/adi/registers.h"

namespace probegate::adi {
namespace {

constexpr uint32_t kWordBytes = 4;

uint32_t Bytes(AccessSize size) { return static_cast<uint32_t>(size); }

MemApRun MakeRun(uint64_t address, AccessSize size, uint32_t byte_count) {
  return {.address = address, .size = size, .transfers = byte_count / Bytes(size), .byte_count = byte_count};
}

// Appends `next`, or merges it with the last run if both need the same CSW.
void Append(std::vector<MemApRun>& runs, const MemApRun& next) {
  if (next.byte_count == 0) return;
  if (!runs.empty() && runs.back().size == next.size && runs.back().address + runs.back().byte_count == next.address) {
    runs.back().transfers += next.transfers;
    runs.back().byte_count += next.byte_count;
  } else {
    runs.push_back(next);
  }
}

// Up to three bytes next to a word boundary. Three bytes are accessed one by one: a byte and a halfword would be two
// runs, and the second run's writes of CSW and TAR cost more than the one access that is saved.
MemApRun EndRun(uint64_t address, uint32_t byte_count) {
  const bool halfword = byte_count == 2 && address % 2 == 0;
  return MakeRun(address, halfword ? AccessSize::k16 : AccessSize::k8, byte_count);
}

// The runs of a piece that lies within one page.
std::vector<MemApRun> SplitPiece(uint64_t address, uint32_t byte_count) {
  const auto to_word = static_cast<uint32_t>(-address % kWordBytes);
  const uint32_t head = std::min(to_word, byte_count);
  const uint32_t tail = (byte_count - head) % kWordBytes;
  const uint32_t middle = byte_count - head - tail;

  std::vector<MemApRun> runs;
  Append(runs, EndRun(address, head));
  Append(runs, MakeRun(address + head, AccessSize::k32, middle));
  Append(runs, EndRun(address + head + middle, tail));
  return runs;
}

uint32_t SizeField(AccessSize size) {
  switch (size) {
    case AccessSize::k8:
      return kCswSize8;
    case AccessSize::k16:
      return kCswSize16;
    case AccessSize::k32:
      break;
  }
  return kCswSize32;
}

}  // namespace

std::vector<MemApRun> SplitBlock(uint64_t address, uint64_t byte_count, uint32_t page) {
  std::vector<MemApRun> runs;
  while (byte_count > 0) {
    const uint64_t to_page_end = page - address % page;
    const auto piece = static_cast<uint32_t>(std::min(to_page_end, byte_count));
    const std::vector<MemApRun> cut = SplitPiece(address, piece);
    runs.insert(runs.end(), cut.begin(), cut.end());
    address += piece;
    byte_count -= piece;
  }
  return runs;
}

MemApRun SingleAccess(uint64_t address, AccessSize size) { return MakeRun(address, size, Bytes(size)); }

uint32_t CswFor(uint32_t base, const MemApRun& run) {
  return (base & ~(kCswSizeMask | kCswAddrIncMask)) | SizeField(run.size) | kCswAddrIncSingle;
}

std::vector<uint32_t> ToLanes(const MemApRun& run, absl::Span<const uint8_t> bytes) {
  std::vector<uint32_t> words(run.transfers);
  const uint32_t step = Bytes(run.size);
  for (uint32_t i = 0; i < run.byte_count; ++i) {
    const auto lane = static_cast<uint32_t>((run.address + i) % kWordBytes);
    words[i / step] |= uint32_t{bytes[i]} << (8 * lane);
  }
  return words;
}

void FromLanes(const MemApRun& run, absl::Span<const uint32_t> words, absl::Span<uint8_t> bytes) {
  const uint32_t step = Bytes(run.size);
  for (uint32_t i = 0; i < run.byte_count; ++i) {
    const auto lane = static_cast<uint32_t>((run.address + i) % kWordBytes);
    bytes[i] = static_cast<uint8_t>(words[i / step] >> (8 * lane));
  }
}

uint64_t AdvanceTar(uint64_t tar, uint32_t csw, uint64_t transfers, uint32_t page) {
  const uint32_t increment = csw & kCswAddrIncMask;
  uint64_t step = 0;
  if (increment == kCswAddrIncSingle) step = uint64_t{1} << (csw & kCswSizeMask);
  if (increment == kCswAddrIncPacked) step = kWordBytes;
  const uint64_t in_page = page - 1;
  return (tar & ~in_page) | ((tar + step * transfers) & in_page);
}

uint32_t TarIncrementPage(uint32_t idr) {
  constexpr uint32_t kTypeAhb = 1;
  constexpr uint32_t kLastVariant = 2;
  const bool known =
      ApDesigner(idr) == kDesignerArm && IsMemAp(idr) && (idr & 0xF) == kTypeAhb && ((idr >> 4) & 0xF) <= kLastVariant;
  return known ? 4096 : kPromisedPage;
}

}  // namespace probegate::adi
