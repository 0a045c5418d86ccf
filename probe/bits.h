// Bits in the order in which they leave the probe: least significant bit of the first byte first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace probegate {

// `bits` must have more than `index` bits.
inline bool BitAt(absl::Span<const uint8_t> bits, size_t index) { return ((bits[index / 8] >> (index % 8)) & 1) != 0; }

// A string of bits that grows at its end.
class BitString {
 public:
  void Append(bool bit) {
    if (size_ % 8 == 0) bytes_.push_back(0);
    if (bit) bytes_.back() = static_cast<uint8_t>(bytes_.back() | (1u << (size_ % 8)));
    ++size_;
  }
  // `count` of them, at most 64 of `value`, of which the least significant bit comes first.
  void Append(uint64_t value, size_t count) {
    for (size_t i = 0; i < count; ++i) Append(((value >> i) & 1) != 0);
  }
  // The first `count` of `bits`, and zeros if it has fewer.
  void Append(absl::Span<const uint8_t> bits, size_t count) {
    for (size_t i = 0; i < count; ++i) Append(i / 8 < bits.size() && BitAt(bits, i));
  }

  size_t size() const { return size_; }
  // Filled up with zeros to whole bytes.
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t size_ = 0;
};

}  // namespace probegate
