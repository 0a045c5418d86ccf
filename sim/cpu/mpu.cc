#include "sim/cpu/mpu.h"

namespace probegate::sim {
namespace {

constexpr uint32_t kType = 0xD90;
constexpr uint32_t kCtrl = 0xD94;
constexpr uint32_t kRnr = 0xD98;
constexpr uint32_t kRbar = 0xD9C;  // followed by RASR, and then by three aliases of both

constexpr uint32_t kCtrlWritable = 7;
constexpr uint32_t kPrivDefEna = 1u << 2;
constexpr uint32_t kRbarAddress = 0xFFFFFFE0;
constexpr uint32_t kRbarValid = 1u << 4;
constexpr uint32_t kRasrWritable = 0x173FFF3F;
constexpr uint32_t kRasrEnable = 1u << 0;
constexpr uint32_t kRasrXn = 1u << 28;
constexpr unsigned kSmallestSize = 4;     // 32 bytes
constexpr unsigned kSmallestDivided = 7;  // regions from 256 bytes on have subregions

constexpr uint32_t kPrivateBus = 0xE0000000;
constexpr uint32_t kPrivateBusSize = 0x100000;

// RASR.AP (§B3.5.9, "Access permissions field encoding"). 4 is reserved.
struct PermissionRow {
  bool privileged_read;
  bool privileged_write;
  bool read;
  bool write;
};
constexpr PermissionRow kPermissions[8] = {
    {false, false, false, false}, {true, true, false, false},  {true, true, true, false},  {true, true, true, true},
    {false, false, false, false}, {true, false, false, false}, {true, false, true, false}, {true, false, true, false},
};

}  // namespace

uint32_t Mpu::ReadWord(uint32_t offset) const {
  switch (offset) {
    case kType:
      return kRegions << 8;
    case kCtrl:
      return control_;
    case kRnr:
      return number_;
    default:
      return (offset - kRbar) % 8 == 0 ? regions_[number_].base | number_ : regions_[number_].attributes;
  }
}

void Mpu::WriteWord(uint32_t offset, uint32_t value) {
  switch (offset) {
    case kType:
      break;
    case kCtrl:
      control_ = value & kCtrlWritable;
      break;
    case kRnr:
      number_ = value % kRegions;
      break;
    default:
      if ((offset - kRbar) % 8 == 0) {
        WriteBase(value);
      } else {
        regions_[number_].attributes = value & kRasrWritable;
      }
      break;
  }
  if (changed_) changed_();
}

void Mpu::WriteBase(uint32_t value) {
  if ((value & kRbarValid) != 0) number_ = value % kRegions;
  regions_[number_].base = value & kRbarAddress;
}

bool Mpu::Contains(const Region& region, uint32_t address) {
  const unsigned size = region.attributes >> 1 & 0x1F;
  if ((region.attributes & kRasrEnable) == 0 || size < kSmallestSize) return false;
  const uint64_t length = uint64_t{2} << size;
  if (((address ^ region.base) & ~(length - 1)) != 0) return false;
  if (size < kSmallestDivided) return true;
  const unsigned subregion = address >> (size - 2) & 7;
  return (region.attributes >> (8 + subregion) & 1) == 0;
}

// Of several regions, the one with the highest number counts. An address in no region has the default map, for
// privileged code, if PRIVDEFENA is set.
bool Mpu::Allows(uint32_t address, Access access, bool privileged) const {
  if (address - kPrivateBus < kPrivateBusSize) return true;
  for (auto region = regions_.rbegin(); region != regions_.rend(); ++region) {
    if (!Contains(*region, address)) continue;
    const PermissionRow& row = kPermissions[region->attributes >> 24 & 7];
    if (access == Access::kWrite) return privileged ? row.privileged_write : row.write;
    if (access == Access::kExecute && (region->attributes & kRasrXn) != 0) return false;
    return privileged ? row.privileged_read : row.read;
  }
  return privileged && (control_ & kPrivDefEna) != 0;
}

}  // namespace probegate::sim
