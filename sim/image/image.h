// The contents of a firmware file, to be put into a board's memories, and how it is read: a binary image, Intel HEX, or
// an ELF executable for Arm.
//
// Everything is checked before anything is used: an image lies entirely in flash or UICR, and no byte is specified
// twice. Reading a file blocks. Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace probegate::sim {

// An address range of non-volatile memory: nRF52840 Product Specification v1.1, chapter Memory.
struct MemoryArea {
  uint32_t base;
  uint32_t size;
};
inline constexpr MemoryArea kFlashArea{0x00000000, 1024 * 1024};
inline constexpr MemoryArea kUicrArea{0x10001000, 0x1000};

// The message says in one line what is wrong, without the file's name.
class ImageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Bytes at addresses. Segments are not empty, do not overlap, and each lies in one of the areas above.
class Image {
 public:
  using Segments = std::map<uint32_t, std::vector<uint8_t>>;  // by address of the first byte

  // If `bytes` is empty, does nothing. Throws ImageError, having changed nothing, if the bytes would lie outside the
  // areas above or overlap others.
  void Add(uint64_t address, std::span<const uint8_t> bytes);

  const Segments& segments() const { return segments_; }

 private:
  Segments segments_;
};

// Parses the contents of a file. Its first bytes determine the format. If they could be anything, the extension
// decides: a .hex, .ihex, .ihx, .elf, .axf or .out file must have that format; all others are binary images for address
// 0. Throws ImageError.
Image ParseImage(std::span<const uint8_t> contents, std::string_view file_name);

// The same for a file. Throws ImageError with a message that begins with `path`.
Image LoadImage(const std::string& path);

}  // namespace probegate::sim
