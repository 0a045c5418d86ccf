#include "sim/target/mem_ap.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kCsw = 0x00;
constexpr uint8_t kTar = 0x04;
constexpr uint8_t kDrw = 0x0C;
constexpr uint8_t kBd0 = 0x10;
constexpr uint8_t kBd3 = 0x1C;
constexpr uint8_t kCfg = 0xF4;
constexpr uint8_t kBase = 0xF8;
constexpr uint8_t kIdr = 0xFC;

constexpr uint32_t kCswWritable = 0x2F000037;  // MasterType, HPROT, AddrInc, Size
constexpr uint32_t kPrivileged = 1u << 25;     // HPROT[1]
constexpr uint32_t kDeviceEnabled = 1u << 6;
constexpr uint32_t kSizeMask = 0x7;
constexpr uint32_t kSizeWord = 2;
constexpr uint32_t kAddrIncMask = 3u << 4;
constexpr uint32_t kAddrIncSingle = 1u << 4;
constexpr uint32_t kTarPage = 0x1000;

constexpr uint32_t kSystemControlSpace = 0xE000E000;
constexpr uint32_t kSystemControlSpaceSize = 0x1000;

constexpr uint32_t kSecureDebug = 1u << 23;  // SPIDEN
constexpr uint32_t kNonSecure = 1u << 30;    // HNONSEC

// What each rule asks for, and what it changes in CSW, in the order of CswRule.
struct RuleRow {
  uint32_t checked;      // these bits
  uint32_t required;     // must have this value
  uint32_t at_power_up;  // the value of CSW
  uint32_t writable;     // in addition
  uint32_t always;       // bits that read as 1
};
constexpr RuleRow kRules[] = {
    {0, 0, 0x23000002, 0, 0},
    {kPrivileged, kPrivileged, 0x01000002, 0, 0},
    {kNonSecure, 0, 0x43000002, kNonSecure, kSecureDebug},
    {kNonSecure, kNonSecure, 0x43000002, kNonSecure, 0},
};
const RuleRow& RowOf(CswRule rule) { return kRules[static_cast<size_t>(rule)]; }

uint32_t LaneShift(uint32_t address) { return 8 * (address & 3); }

}  // namespace

unsigned MemAp::access_size() const { return 1u << (csw_ & kSizeMask); }

void MemAp::SetRule(CswRule rule) {
  if (rule == rule_) return;
  rule_ = rule;
  csw_ = RowOf(rule_).at_power_up;
}

void MemAp::PowerUp() {
  csw_ = RowOf(rule_).at_power_up;
  tar_ = 0;
}

std::optional<uint32_t> MemAp::Read(uint8_t offset) {
  if (offset >= kBd0 && offset <= kBd3) return ReadBus((tar_ & ~0xFu) | (offset & 0xF), 4);
  switch (offset) {
    case kCsw:
      return csw_ | RowOf(rule_).always | (open_() ? kDeviceEnabled : 0);
    case kTar:
      return tar_;
    case kDrw:
      return ReadDrw();
    case kBase:
      return base_;
    case kCfg:
      return identity_.cfg;
    case kIdr:
      return identity_.idr;
    default:
      return 0;
  }
}

bool MemAp::Write(uint8_t offset, uint32_t value) {
  if (offset >= kBd0 && offset <= kBd3) return WriteBus((tar_ & ~0xFu) | (offset & 0xF), 4, value);
  switch (offset) {
    case kCsw:
      WriteCsw(value);
      return true;
    case kTar:
      tar_ = value;
      return true;
    case kDrw:
      return WriteDrw(value);
    default:
      return true;
  }
}

void MemAp::WriteCsw(uint32_t value) {
  csw_ = value & (kCswWritable | RowOf(rule_).writable);
  if ((csw_ & kSizeMask) > kSizeWord) csw_ = (csw_ & ~kSizeMask) | kSizeWord;
  if ((csw_ & kAddrIncMask) != kAddrIncSingle) csw_ &= ~kAddrIncMask;
}

bool MemAp::MayAccess(uint32_t address) const {
  const bool needs_privilege = address - kSystemControlSpace < kSystemControlSpaceSize;
  const bool by_rule = (csw_ & RowOf(rule_).checked) == RowOf(rule_).required;
  return open_() && by_rule && (!needs_privilege || (csw_ & kPrivileged) != 0);
}

std::optional<uint32_t> MemAp::ReadBus(uint32_t address, unsigned size) {
  return MayAccess(address) ? bus_.Read(address, size) : std::nullopt;
}

bool MemAp::WriteBus(uint32_t address, unsigned size, uint32_t value) {
  return MayAccess(address) && bus_.Write(address, size, value);
}

std::optional<uint32_t> MemAp::ReadDrw() {
  std::optional<uint32_t> value = ReadBus(tar_, access_size());
  if (!value) return std::nullopt;
  *value <<= LaneShift(tar_);
  Advance();
  return value;
}

bool MemAp::WriteDrw(uint32_t value) {
  if (!WriteBus(tar_, access_size(), value >> LaneShift(tar_))) return false;
  Advance();
  return true;
}

void MemAp::Advance() {
  if ((csw_ & kAddrIncMask) == 0) return;
  tar_ = (tar_ & ~(kTarPage - 1)) | ((tar_ + access_size()) & (kTarPage - 1));
}

}  // namespace probegate::sim
