// What the handlers check before anything is allocated or sent; base/request_limits.h has the limits. Each function
// returns kInvalidArgument with the value in its message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probe/adi/mem_ap.h"

namespace probegate {

absl::Status InvalidArgument(std::string_view message);

absl::Status CheckDpAddress(uint32_t address);
absl::Status CheckApAddress(uint64_t address);

// A block of `bytes` bytes at `address`: not too long, `address` is a multiple of `alignment`, and the block ends
// within the 64-bit address space.
absl::Status CheckBlock(uint64_t address, uint64_t bytes, uint64_t alignment);

// One access; `transfer_size` in bits.
absl::StatusOr<adi::AccessSize> CheckAccess(uint64_t address, uint32_t transfer_size);

// A raw sequence of `bits` in `bytes` bytes.
absl::Status CheckSequence(size_t bits, size_t bytes);

// A protobuf bytes field.
absl::Span<const uint8_t> AsBytes(const std::string& text);

}  // namespace probegate
