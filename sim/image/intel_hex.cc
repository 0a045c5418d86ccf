#include "sim/image/intel_hex.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

enum RecordType : uint8_t {
  kData = 0,
  kEndOfFile = 1,
  kExtendedSegmentAddress = 2,
  kStartSegmentAddress = 3,
  kExtendedLinearAddress = 4,
  kStartLinearAddress = 5,
};

constexpr size_t kOverhead = 5;  // length, address, type and checksum

std::optional<uint8_t> Digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }

std::string_view AsText(std::span<const uint8_t> contents) {
  return {reinterpret_cast<const char*>(contents.data()), contents.size()};
}

// Removes the next line from `text` (CR LF counts as one line ending), and returns it without its ending and without
// trailing spaces.
std::string_view TakeLine(std::string_view& text) {
  const size_t length = static_cast<size_t>(std::find_if(text.begin(), text.end(), IsLineEnd) - text.begin());
  std::string_view line = text.substr(0, length);
  text.remove_prefix(length);
  text.remove_prefix(text.starts_with("\r\n") ? 2 : std::min<size_t>(1, text.size()));
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

// The bytes of one record after the colon: length, address, type, data, and a checksum that has been verified.
std::vector<uint8_t> DecodeRecord(std::string_view line) {
  if (line.front() != ':') throw ImageError("does not begin with a colon");
  line.remove_prefix(1);
  if (line.size() % 2 != 0) throw ImageError("has an odd number of digits");
  std::vector<uint8_t> bytes;
  uint8_t sum = 0;
  for (size_t i = 0; i < line.size(); i += 2) {
    const std::optional<uint8_t> high = Digit(line[i]);
    const std::optional<uint8_t> low = Digit(line[i + 1]);
    if (!high || !low) throw ImageError("has a character that is not a hexadecimal digit");
    bytes.push_back(static_cast<uint8_t>(*high << 4 | *low));
    sum = static_cast<uint8_t>(sum + bytes.back());
  }
  if (bytes.size() < kOverhead || bytes.size() != kOverhead + bytes[0]) {
    throw ImageError(fmt::format("has {} bytes, which does not match its length field", bytes.size()));
  }
  if (sum != 0) {
    const auto expected = static_cast<uint8_t>(bytes.back() - sum);
    throw ImageError(fmt::format("has checksum {:02X} instead of {:02X}", bytes.back(), expected));
  }
  return bytes;
}

// Collects the data of records.
class Reader {
 public:
  void Take(std::span<const uint8_t> record) {
    if (ended_) throw ImageError("comes after the end-of-file record");
    const uint32_t offset = static_cast<uint32_t>(record[1]) << 8 | record[2];
    const std::span<const uint8_t> data = record.subspan(4, record[0]);
    switch (record[3]) {
      case kData:
        AddData(offset, data);
        break;
      case kEndOfFile:
        CheckLength(data, 0);
        ended_ = true;
        break;
      case kExtendedSegmentAddress:
        CheckLength(data, 2);
        base_ = (static_cast<uint32_t>(data[0]) << 8 | data[1]) << 4;
        segmented_ = true;
        break;
      case kExtendedLinearAddress:
        CheckLength(data, 2);
        base_ = static_cast<uint32_t>(data[0]) << 24 | static_cast<uint32_t>(data[1]) << 16;
        segmented_ = false;
        break;
      case kStartSegmentAddress:
      case kStartLinearAddress:
        CheckLength(data, 4);
        break;
      default:
        throw ImageError(fmt::format("has the unknown record type {:02X}", record[3]));
    }
  }

  bool ended() const { return ended_; }
  Image TakeImage() { return std::move(image_); }

 private:
  static void CheckLength(std::span<const uint8_t> data, size_t expected) {
    if (data.size() == expected) return;
    throw ImageError(fmt::format("has {} data bytes, but records of its type have {}", data.size(), expected));
  }

  // Addresses in a segment wrap at 64 KiB; linear addresses do not.
  void AddData(uint32_t offset, std::span<const uint8_t> data) {
    const size_t room = segmented_ ? 0x10000 - offset : data.size();
    const size_t count = std::min(room, data.size());
    image_.Add(uint64_t{base_} + offset, data.first(count));
    image_.Add(base_, data.subspan(count));
  }

  Image image_;
  uint32_t base_ = 0;
  bool segmented_ = false;
  bool ended_ = false;
};

}  // namespace

bool LooksLikeIntelHex(std::span<const uint8_t> contents) {
  std::string_view text = AsText(contents);
  const std::string_view line = TakeLine(text);
  return line.size() > 2 * kOverhead && line.front() == ':' &&
         std::all_of(line.begin() + 1, line.end(), [](char c) { return Digit(c).has_value(); });
}

Image ParseIntelHex(std::span<const uint8_t> contents) {
  std::string_view text = AsText(contents);
  Reader reader;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) continue;
    try {
      reader.Take(DecodeRecord(line));
    } catch (const ImageError& error) {
      throw ImageError(fmt::format("line {}: {}", number, error.what()));
    }
  }
  if (!reader.ended()) throw ImageError("truncated Intel HEX file: there is no end-of-file record");
  Image image = reader.TakeImage();
  if (image.segments().empty()) throw ImageError("Intel HEX file without data");
  return image;
}

}  // namespace probegate::sim
