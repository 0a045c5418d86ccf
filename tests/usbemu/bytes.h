// The bytes of descriptors and packets, in USB's byte order (little-endian).
#pragma once

#include <cstdint>
#include <vector>

namespace probegate::usbemu {

using Bytes = std::vector<uint8_t>;

inline void Append16(Bytes& bytes, unsigned value) {
  bytes.push_back(static_cast<uint8_t>(value));
  bytes.push_back(static_cast<uint8_t>(value >> 8));
}

inline void Append(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

}  // namespace probegate::usbemu
