// Bounded access to the bytes of a packet: a request can be cut short anywhere, and no reply outgrows its packet.
//
// A command handler is a function `bool (RequestReader& request, ReplyWriter& reply)`. Both start after the byte that
// names the command. It returns false, having done nothing, if the request is cut short or its reply would not fit; the
// caller then discards what the handler has written.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace probegate::sim {

// Reads little-endian numbers. Past the end it returns zeros and is no longer ok().
class RequestReader {
 public:
  explicit RequestReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }

  uint8_t U8() { return static_cast<uint8_t>(Number(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t U32() { return Number(4); }

  // Empty, and no longer ok(), if there are not that many.
  std::span<const uint8_t> Bytes(size_t count) {
    if (count > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::span<const uint8_t> taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

 private:
  uint32_t Number(size_t size) {
    uint32_t value = 0;
    unsigned shift = 0;
    for (const uint8_t byte : Bytes(size)) {
      value |= static_cast<uint32_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool ok_ = true;
};

// Writes into a buffer of fixed size. What does not fit is dropped, so callers with long replies check room() first.
class ReplyWriter {
 public:
  explicit ReplyWriter(std::span<uint8_t> buffer) : buffer_(buffer) {}

  size_t size() const { return size_; }
  size_t room() const { return buffer_.size() - size_; }

  void U8(uint8_t value) {
    if (size_ < buffer_.size()) buffer_[size_++] = value;
  }
  void U16(uint16_t value) {
    U8(static_cast<uint8_t>(value));
    U8(static_cast<uint8_t>(value >> 8));
  }
  void U32(uint32_t value) {
    U16(static_cast<uint16_t>(value));
    U16(static_cast<uint16_t>(value >> 16));
  }
  void Text(std::string_view text) {
    for (const char c : text) U8(static_cast<uint8_t>(c));
  }

  // Discards everything after the first `size` bytes.
  void Truncate(size_t size) { size_ = size; }
  // A byte that has been written, to be read or overwritten.
  uint8_t At(size_t at) const { return buffer_[at]; }
  void Patch(size_t at, uint8_t value) { buffer_[at] = value; }

 private:
  std::span<uint8_t> buffer_;
  size_t size_ = 0;
};

}  // namespace probegate::sim
