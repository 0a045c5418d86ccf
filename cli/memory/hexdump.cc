#include "cli/memory/hexdump.h"

#include <algorithm>

#include "base/hex.h"

namespace probegate {
namespace {

constexpr size_t kBytesPerLine = 16;

std::string Digits(uint64_t value, unsigned count) { return Hex(value, static_cast<int>(count)).substr(2); }

}  // namespace

std::string ToBytes(const std::vector<uint32_t>& values, unsigned width) {
  std::string bytes;
  for (const uint32_t value : values) {
    for (unsigned shift = 0; shift < width; shift += 8) bytes += static_cast<char>(value >> shift);
  }
  return bytes;
}

std::string FormatHexdump(uint64_t address, const std::vector<uint32_t>& values, unsigned width) {
  const std::string bytes = ToBytes(values, width);
  const size_t per_line = kBytesPerLine * 8 / width;
  const size_t columns = per_line * (width / 4 + 1);
  std::string text;
  for (size_t first = 0; first < values.size(); first += per_line) {
    std::string line;
    for (size_t i = first; i < std::min(first + per_line, values.size()); ++i) {
      line += ' ' + Digits(values[i], width / 4);
    }
    line.resize(columns, ' ');
    std::string shown = bytes.substr(first * width / 8, kBytesPerLine);
    for (char& c : shown) {
      if (c < 0x20 || c > 0x7E) c = '.';
    }
    text += Digits(address + first * width / 8, 8) + ": " + line + "  |" + shown + "|\n";
  }
  return text;
}

}  // namespace probegate
