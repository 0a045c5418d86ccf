#include "sim/peripherals/nvmc.h"

#include <algorithm>
#include <utility>

namespace probegate::sim {
namespace {

constexpr uint32_t kReady = 0x400;
constexpr uint32_t kReadyNext = 0x408;
constexpr uint32_t kConfig = 0x504;
constexpr uint32_t kErasePage = 0x508;
constexpr uint32_t kEraseAll = 0x50C;
constexpr uint32_t kErasePcr0 = 0x510;  // also erases a page; from chips whose flash had two regions
constexpr uint32_t kEraseUicr = 0x514;
constexpr uint32_t kErasePagePartial = 0x518;
constexpr uint32_t kErasePagePartialCfg = 0x51C;

constexpr uint32_t kWriteEnabled = 1;
constexpr uint32_t kEraseEnabled = 2;

constexpr RegisterRow kRows[] = {
    {kConfig, 0, 3},
    {kErasePagePartialCfg, 10, 0x7F},
    {0x540, 0, 0x101},  // ICACHECNF
    {0x548, 0, 0, 2},   // IHIT, IMISS
};

constexpr uint32_t kPageSize = 0x1000;
// Microseconds: the maximum times of "Electrical specification".
constexpr uint64_t kWriteTime = 41;
constexpr uint64_t kPageTime = 85'000;
constexpr uint64_t kAllTime = 169'000;

}  // namespace

Nvmc::Nvmc(SimClock& clock, Flash& flash, Flash& uicr, std::function<bool()> from_flash, double speed)
    : RegisterBlock(kRows),
      clock_(clock),
      flash_(flash),
      uicr_(uicr),
      from_flash_(std::move(from_flash)),
      speed_(speed),
      done_(clock, [] {}) {
  for (Flash* memory : {&flash_, &uicr_}) {
    memory->OnWrite([this](uint32_t, unsigned) { Begin(kWriteTime); });
  }
  SetConfig(0);
}

void Nvmc::Reset(ResetCause) {
  Define(kRows);
  SetConfig(0);
}

uint64_t Nvmc::Cycles(uint64_t microseconds) const {
  return static_cast<uint64_t>(static_cast<double>(clock_.FromMicroseconds(microseconds)) / speed_);
}

void Nvmc::Begin(uint64_t microseconds) {
  busy_until_ = std::max(busy_until_, clock_.now()) + Cycles(microseconds);
  if (from_flash_()) {
    clock_.Stall(busy_until_ - clock_.now());
  } else {
    done_.SetAt(busy_until_);
  }
}

uint32_t Nvmc::ReadWord(uint32_t offset) {
  switch (offset) {
    case kReady:
      return busy() ? 0 : 1;
    case kReadyNext:
      // One write can wait for another to end ("Writing to flash").
      return busy_until_ <= clock_.now() + Cycles(kWriteTime) ? 1 : 0;
    default:
      return word(offset);
  }
}

void Nvmc::WriteWord(uint32_t offset, uint32_t value) {
  if (offset == kConfig) {
    SetConfig(value);
  } else if (word(kConfig) == kEraseEnabled && offset >= kErasePage && offset <= kErasePagePartial) {
    Erase(offset, value);
  } else {
    Keep(offset, value);
  }
}

void Nvmc::SetConfig(uint32_t value) {
  Keep(kConfig, value);
  const bool writes = word(kConfig) == kWriteEnabled;
  flash_.AllowWrites(writes);
  uicr_.AllowWrites(writes);
}

void Nvmc::Erase(uint32_t offset, uint32_t value) {
  switch (offset) {
    case kErasePage:
    case kErasePcr0:
      ErasePage(value);
      return;
    case kErasePagePartial:
      ErasePart(value);
      return;
    case kEraseAll:
      if (value == 1) EraseAll();
      return;
    case kEraseUicr:
      if (value == 1) EraseUicr();
      return;
    default:
      return;
  }
}

void Nvmc::ErasePage(uint32_t address) {
  if (address >= flash_.bytes().size()) return;
  flash_.Erase(address & ~(kPageSize - 1), kPageSize);
  parts_.erase(address / kPageSize);
  Begin(kPageTime);
}

// A page is erased once its partial erases add up to the time of a full erase ("Partial erase of a page in flash").
void Nvmc::ErasePart(uint32_t address) {
  if (address >= flash_.bytes().size()) return;
  const uint32_t page = address / kPageSize;
  uint32_t& milliseconds = parts_[page];
  const uint32_t part = word(kErasePagePartialCfg);
  milliseconds += part;
  if (milliseconds * 1000 >= kPageTime) {
    flash_.Erase(page * kPageSize, kPageSize);
    parts_.erase(page);
  }
  Begin(uint64_t{part} * 1000);
}

void Nvmc::EraseUicr() {
  uicr_.Erase(0, static_cast<uint32_t>(uicr_.bytes().size()));
  Begin(kPageTime);
}

void Nvmc::EraseAll() {
  flash_.Erase(0, static_cast<uint32_t>(flash_.bytes().size()));
  uicr_.Erase(0, static_cast<uint32_t>(uicr_.bytes().size()));
  parts_.clear();
  Begin(kAllTime);
}

}  // namespace probegate::sim
