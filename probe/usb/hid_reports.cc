// HID report descriptors (HID 1.11 §6.2.2) consist of items: a tag and up to four bytes of data. Only the items that
// state the length and the purpose of reports are used.
#include <array>
#include <vector>

#include "probe/error.h"
#include "probe/usb/descriptors.h"

namespace probegate::usb {
namespace {

enum Tag : uint8_t {  // without the two bits that state the data's size
  kUsagePage = 0x04,
  kUsage = 0x08,
  kInput = 0x80,
  kOutput = 0x90,
  kCollection = 0xA0,
  kReportSize = 0x74,
  kReportId = 0x84,
  kReportCount = 0x94,
  kPush = 0xA4,
  kPop = 0xB4,
};
constexpr uint8_t kLongItem = 0xFE;
constexpr uint64_t kMostBits = 8 * 65536;  // more than any report of a probe, and small enough to add up
constexpr size_t kDeepest = 64;

absl::Status Malformed(const char* what) {
  return MakeError(ErrorKind::kProbeError, std::string("malformed HID report descriptor: ") + what);
}

struct Globals {
  uint16_t page = 0;
  uint32_t size = 0;  // bits
  uint32_t count = 0;
};

class Reader {
 public:
  absl::Status Add(uint8_t tag, uint32_t data) {
    switch (tag) {
      case kUsagePage:
        now_.page = static_cast<uint16_t>(data);
        break;
      case kUsage:
        usage_page_ = static_cast<uint16_t>(data >> 16);
        break;
      case kCollection:
        if (reports_.usage_page == 0) reports_.usage_page = usage_page_ != 0 ? usage_page_ : now_.page;
        usage_page_ = 0;
        break;
      case kReportSize:
        now_.size = data;
        break;
      case kReportCount:
        now_.count = data;
        break;
      case kReportId:
        reports_.numbered = true;
        break;
      case kPush:
        if (pushed_.size() == kDeepest) return Malformed("it pushes too much");
        pushed_.push_back(now_);
        break;
      case kPop:
        if (pushed_.empty()) return Malformed("it pops more than it pushed");
        now_ = pushed_.back();
        pushed_.pop_back();
        break;
      case kInput:
        return Grow(input_);
      case kOutput:
        return Grow(output_);
      default:
        break;
    }
    return absl::OkStatus();
  }

  HidReports reports() const {
    HidReports reports = reports_;
    reports.input = (input_ + 7) / 8;
    reports.output = (output_ + 7) / 8;
    return reports;
  }

 private:
  absl::Status Grow(size_t& bits) const {
    const uint64_t more = uint64_t{now_.size} * now_.count;
    if (more > kMostBits || bits + more > kMostBits) return Malformed("a report is too long");
    bits += more;
    return absl::OkStatus();
  }

  Globals now_;
  std::vector<Globals> pushed_;
  HidReports reports_;       // except the sizes
  uint16_t usage_page_ = 0;  // of a usage that includes its page
  size_t input_ = 0;         // bits
  size_t output_ = 0;
};

}  // namespace

absl::StatusOr<HidReports> ParseHidReports(absl::Span<const uint8_t> bytes) {
  static constexpr std::array<size_t, 4> kDataSizes = {0, 1, 2, 4};
  Reader reader;
  while (!bytes.empty()) {
    if (bytes[0] == kLongItem) return Malformed("it has long items, which have no defined meaning");
    const size_t size = kDataSizes[bytes[0] & 3];
    if (bytes.size() < 1 + size) return Malformed("it ends in the middle of an item");
    uint32_t data = 0;
    for (size_t i = 0; i < size; ++i) data |= uint32_t{bytes[1 + i]} << (8 * i);
    if (absl::Status status = reader.Add(bytes[0] & 0xFC, data); !status.ok()) return status;
    bytes.remove_prefix(1 + size);
  }
  return reader.reports();
}

}  // namespace probegate::usb
