#include "server/commands/request_checks.h"

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "base/request_limits.h"
#include "probe/error.h"

namespace probegate {

absl::Status InvalidArgument(std::string_view message) { return MakeError(ErrorKind::kInvalidArgument, message); }

// --- Checks

absl::Status CheckDpAddress(uint32_t address) {
  if (address <= 0xC && address % 4 == 0) return absl::OkStatus();
  return InvalidArgument(absl::StrCat("DP address ", Hex(address, 1), " is not 0x0, 0x4, 0x8 or 0xc"));
}

absl::Status CheckApAddress(uint64_t address) {
  if (address % 4 != 0) return InvalidArgument(absl::StrCat("AP address ", Hex(address), " is not a multiple of 4"));
  if (address > UINT32_MAX) return InvalidArgument(absl::StrCat("AP address ", Hex(address), " has more than 32 bits"));
  return absl::OkStatus();
}

absl::Status CheckBlock(uint64_t address, uint64_t bytes, uint64_t alignment) {
  if (bytes > kMaxBlockBytes) {
    return InvalidArgument(
        absl::StrCat("a block of ", bytes, " bytes is too long; at most ", kMaxBlockBytes, " are allowed"));
  }
  if (address % alignment != 0) {
    return InvalidArgument(absl::StrCat("address ", Hex(address), " is not a multiple of ", alignment));
  }
  if (bytes > 0 && address + (bytes - 1) < address) {
    return InvalidArgument(
        absl::StrCat("a block of ", bytes, " bytes at ", Hex(address), " extends beyond the end of memory"));
  }
  return absl::OkStatus();
}

absl::StatusOr<adi::AccessSize> CheckAccess(uint64_t address, uint32_t transfer_size) {
  if (transfer_size != 8 && transfer_size != 16 && transfer_size != 32) {
    return InvalidArgument(absl::StrCat("transfer size ", transfer_size, " is not 8, 16 or 32"));
  }
  if (absl::Status status = CheckBlock(address, transfer_size / 8, transfer_size / 8); !status.ok()) return status;
  return static_cast<adi::AccessSize>(transfer_size / 8);
}

absl::Status CheckSequence(size_t bits, size_t bytes) {
  if (bits == 0 || bits > kMaxSequenceBits) {
    return InvalidArgument(
        absl::StrCat("a sequence of ", bits, " bits; the length must be from 1 to ", kMaxSequenceBits));
  }
  if (bytes != (bits + 7) / 8)
    return InvalidArgument(absl::StrCat("a sequence of ", bits, " bits takes ", (bits + 7) / 8, " bytes, got ", bytes));
  return absl::OkStatus();
}

absl::Span<const uint8_t> AsBytes(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

}  // namespace probegate
