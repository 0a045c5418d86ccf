// The complete contents of the non-volatile memories: what a board starts with, and what is saved of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sim/image/image.h"

namespace probegate::sim {

// Flash and UICR as one sequence of bytes, flash first. Threads: one at a time.
class FlashContents {
 public:
  static constexpr size_t kSize = size_t{kFlashArea.size} + kUicrArea.size;

  // Erased: all bits set.
  FlashContents() : bytes_(kSize, 0xFF) {}
  // `bytes` has kSize bytes.
  explicit FlashContents(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  // Erased, except for the image.
  explicit FlashContents(const Image& image);

  // All bytes must be within one of the two areas.
  void Write(uint32_t address, std::span<const uint8_t> bytes);

  std::span<const uint8_t> bytes() const { return bytes_; }
  std::span<const uint8_t> flash() const { return bytes().first(kFlashArea.size); }
  std::span<const uint8_t> uicr() const { return bytes().last(kUicrArea.size); }

 private:
  std::vector<uint8_t> bytes_;
};

// Called when flash or UICR has changed, with the address and the new bytes.
using FlashChanged = std::function<void(uint32_t address, std::span<const uint8_t> bytes)>;

}  // namespace probegate::sim
