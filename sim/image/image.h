// What is to be put into a board's memories, and how it is read from a file: a binary image, Intel HEX, or an ELF
// executable for Arm.
//
// Everything is checked before anything is used: an image lies wholly in flash or UICR, and no byte is given twice.
// Blocks for as long as reading the file takes; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace probegate::sim {

// A stretch of the memories that keep their contents: nRF52840 Product Specification v1.1, chapter Memory.
struct MemoryArea {
  uint32_t base;
  uint32_t size;
};
inline constexpr MemoryArea kFlashArea{0x00000000, 1024 * 1024};
inline constexpr MemoryArea kUicrArea{0x10001000, 0x1000};

// What is wrong, in one line without the file's name.
class ImageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Bytes at addresses. Segments are not empty, do not overlap, and each lies in one of the areas above.
class Image {
 public:
  using Segments = std::map<uint32_t, std::vector<uint8_t>>;  // by address of the first byte

  // Nothing happens for no bytes. Throws ImageError where they would lie elsewhere, or on others; then nothing has
  // changed.
  void Add(uint64_t address, std::span<const uint8_t> bytes);

  const Segments& segments() const { return segments_; }

 private:
  Segments segments_;
};

// Reads what a file holds. Its first bytes say what it is; where they could be anything the name's end decides: a file
// called .hex, .ihex, .elf, .axf or .out must be one, all others are binary and belong to address 0. Throws ImageError.
Image ParseImage(std::span<const uint8_t> contents, std::string_view file_name);

// The same for a file. Throws ImageError whose text begins with `path`.
Image LoadImage(const std::string& path);

}  // namespace probegate::sim
