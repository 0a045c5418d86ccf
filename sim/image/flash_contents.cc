#include "sim/image/flash_contents.h"

#include <algorithm>

namespace probegate::sim {

FlashContents::FlashContents(const Image& image) : FlashContents() {
  for (const auto& [address, bytes] : image.segments()) Write(address, bytes);
}

void FlashContents::Write(uint32_t address, std::span<const uint8_t> bytes) {
  const bool in_flash = address - kFlashArea.base < kFlashArea.size;
  const size_t offset = in_flash ? address - kFlashArea.base : kFlashArea.size + (address - kUicrArea.base);
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace probegate::sim
