// Reads arbitrary firmware files. The segments of an accepted file lie in flash and UICR and do not overlap; any other
// file is refused with a one-line error.
#include <cstdlib>
#include <string_view>

#include "sim/image/image.h"

namespace probegate::sim {
namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

void CheckImage(const Image& image) {
  uint64_t end = 0;
  for (const auto& [address, bytes] : image.segments()) {
    Check(!bytes.empty() && address >= end);
    end = uint64_t{address} + bytes.size();
    Check(end <= kFlashArea.size || (address >= kUicrArea.base && end <= uint64_t{kUicrArea.base} + kUicrArea.size));
  }
  Check(end > 0);
}

// The first byte chooses the file's name.
void Run(const uint8_t* data, size_t size) {
  constexpr std::string_view kNames[] = {"firmware.bin", "firmware.hex", "firmware.elf", ""};
  if (size == 0) return;
  try {
    CheckImage(ParseImage({data + 1, size - 1}, kNames[data[0] % 4]));
  } catch (const ImageError& error) {
    const std::string_view complaint = error.what();
    Check(!complaint.empty() && complaint.find('\n') == std::string_view::npos);
  }
}

}  // namespace
}  // namespace probegate::sim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  probegate::sim::Run(data, size);
  return 0;
}
