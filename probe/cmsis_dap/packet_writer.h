// Writes little-endian numbers into a packet without leaving it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace probegate::cmsis_dap {

class PacketWriter {
 public:
  explicit PacketWriter(absl::Span<uint8_t> packet) : packet_(packet) {}

  PacketWriter& U8(unsigned value) {
    if (size_ < packet_.size()) packet_[size_] = static_cast<uint8_t>(value);
    ++size_;
    return *this;
  }
  PacketWriter& U16(unsigned value) { return U8(value & 0xFF).U8(value >> 8); }
  PacketWriter& U32(uint32_t value) { return U16(value & 0xFFFF).U16(value >> 16); }
  PacketWriter& Bytes(absl::Span<const uint8_t> bytes) {
    if (size_ + bytes.size() <= packet_.size()) std::copy(bytes.begin(), bytes.end(), packet_.begin() + size_);
    size_ += bytes.size();
    return *this;
  }

  // 0 where it did not fit.
  size_t size() const { return size_ <= packet_.size() ? size_ : 0; }

 private:
  absl::Span<uint8_t> packet_;
  size_t size_ = 0;
};

inline uint32_t ReadU32(const uint8_t* bytes) {
  return bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
}

}  // namespace probegate::cmsis_dap
