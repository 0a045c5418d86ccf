// What the memories that keep their contents hold, all of it: what a board starts with, and what is kept of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sim/image/image.h"

namespace probegate::sim {

// Flash and UICR as one row of bytes, flash first. Threads: one at a time.
class FlashContents {
 public:
  static constexpr size_t kSize = size_t{kFlashArea.size} + kUicrArea.size;

  // Erased: all bits set.
  FlashContents() : bytes_(kSize, 0xFF) {}
  // `bytes`: kSize of them.
  explicit FlashContents(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  // Erased but for the image.
  explicit FlashContents(const Image& image);

  // All of it within one of the two areas.
  void Write(uint32_t address, std::span<const uint8_t> bytes);

  std::span<const uint8_t> bytes() const { return bytes_; }
  std::span<const uint8_t> flash() const { return bytes().first(kFlashArea.size); }
  std::span<const uint8_t> uicr() const { return bytes().last(kUicrArea.size); }

 private:
  std::vector<uint8_t> bytes_;
};

// What a flash memory calls when it has changed: where, and what is there now.
using FlashChanged = std::function<void(uint32_t address, std::span<const uint8_t> bytes)>;

}  // namespace probegate::sim
