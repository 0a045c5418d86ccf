#include "sim/image/image.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "sim/image/elf.h"
#include "sim/image/intel_hex.h"
#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

// An ELF file with debug information is many times larger than what it puts into flash, but never as large as this.
constexpr uintmax_t kMaxFileSize = 256 * 1024 * 1024;

bool Contains(const MemoryArea& area, uint64_t address, uint64_t size) {
  return address >= area.base && address - area.base <= area.size && size <= area.size - (address - area.base);
}

void CheckArea(uint64_t address, uint64_t size) {
  if (Contains(kFlashArea, address, size) || Contains(kUicrArea, address, size)) return;
  throw ImageError(fmt::format(
      "{} bytes at 0x{:08x} lie outside flash (0x{:08x}-0x{:08x}) and UICR (0x{:08x}-0x{:08x})", size, address,
      kFlashArea.base, kFlashArea.base + kFlashArea.size - 1, kUicrArea.base, kUicrArea.base + kUicrArea.size - 1));
}

Image ParseBinary(std::span<const uint8_t> contents) {
  if (contents.size() > kFlashArea.size) {
    throw ImageError(fmt::format("too large: {} bytes; flash holds {}", contents.size(), kFlashArea.size));
  }
  Image image;
  image.Add(kFlashArea.base, contents);
  return image;
}

bool EndsWith(std::string_view name, std::string_view end) {
  return name.size() >= end.size() &&
         std::equal(end.begin(), end.end(), name.end() - static_cast<std::ptrdiff_t>(end.size()),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b); });
}

struct Format {
  bool (*looks_like)(std::span<const uint8_t> contents);
  Image (*parse)(std::span<const uint8_t> contents);
  std::array<std::string_view, 3> names;
};

constexpr std::array kFormats = {
    Format{LooksLikeElf, ParseElf, {".elf", ".axf", ".out"}},
    Format{LooksLikeIntelHex, ParseIntelHex, {".hex", ".ihex", ".ihx"}},
};

std::vector<uint8_t> ReadFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw ImageError("is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ImageError(fmt::format("cannot open the file: {}", std::strerror(errno)));
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxFileSize) throw ImageError(fmt::format("too large for firmware: {} bytes", size));
  std::vector<uint8_t> contents{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) throw ImageError("cannot read the file");
  return contents;
}

}  // namespace

void Image::Add(uint64_t address, std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  CheckArea(address, bytes.size());
  const auto first = static_cast<uint32_t>(address);
  const auto end = static_cast<uint32_t>(address + bytes.size());
  const auto next = segments_.lower_bound(first);
  const auto previous = next == segments_.begin() ? segments_.end() : std::prev(next);
  const auto end_of = [](const Segments::value_type& segment) {
    return segment.first + static_cast<uint32_t>(segment.second.size());
  };
  if ((next != segments_.end() && next->first < end) || (previous != segments_.end() && end_of(*previous) > first)) {
    throw ImageError(fmt::format("{} bytes at 0x{:08x} overlap other bytes of the file", bytes.size(), first));
  }

  if (previous != segments_.end() && end_of(*previous) == first) {
    previous->second.insert(previous->second.end(), bytes.begin(), bytes.end());
  } else {
    segments_.emplace_hint(next, first, std::vector<uint8_t>(bytes.begin(), bytes.end()));
  }
}

Image ParseImage(std::span<const uint8_t> contents, std::string_view file_name) {
  if (contents.empty()) throw ImageError("the file is empty");
  for (const Format& format : kFormats) {
    if (format.looks_like(contents)) return format.parse(contents);
  }
  for (const Format& format : kFormats) {
    for (const std::string_view name : format.names) {
      if (EndsWith(file_name, name)) return format.parse(contents);
    }
  }
  return ParseBinary(contents);
}

Image LoadImage(const std::string& path) {
  try {
    return ParseImage(ReadFile(path), path);
  } catch (const ImageError& error) {
    throw ImageError(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace probegate::sim
