// Numbers and bits in packets: little endian, and never beyond the packet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "probe/cmsis_dap/command.h"

namespace probegate::cmsis_dap {

class PacketWriter {
 public:
  // Begins the request of `command`.
  PacketWriter(absl::Span<uint8_t> packet, Command command) : packet_(packet) { U8(static_cast<uint8_t>(command)); }

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

  // 0 if it did not fit.
  size_t size() const { return size_ <= packet_.size() ? size_ : 0; }

 private:
  absl::Span<uint8_t> packet_;
  size_t size_ = 0;
};

inline uint16_t ReadU16(const uint8_t* bytes) { return static_cast<uint16_t>(bytes[0] | unsigned{bytes[1]} << 8); }

inline uint32_t ReadU32(const uint8_t* bytes) { return ReadU16(bytes) | uint32_t{ReadU16(bytes + 2)} << 16; }

// Bytes that hold `bits` bits.
constexpr size_t ByteCount(size_t bits) { return (bits + 7) / 8; }

}  // namespace probegate::cmsis_dap
