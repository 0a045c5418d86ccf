// Flash and RAM: host memory at a fixed place, which the core reads and executes directly.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "sim/target/bus.h"

namespace probegate::sim {

// Host memory, little-endian, whose address and size are multiples of 4 KiB.
//
// The core caches translations of the code it has executed. So changes of bytes that are not stores by the core itself
// must be reported by Changed; the core calls TakeChanges before it continues.
class HostMemory : public Region {
 public:
  struct Range {
    uint32_t begin = 0;
    uint32_t end = 0;
    bool empty() const { return begin >= end; }
  };

  // Every byte is zero.
  explicit HostMemory(uint32_t size);

  uint32_t Read(uint32_t offset, unsigned size) override;

  std::span<uint8_t> bytes() { return {bytes_.get(), size_}; }
  std::span<const uint8_t> bytes() const { return {bytes_.get(), size_}; }

  // Whether the core may store to the bytes directly; if not, each of its stores becomes a call of Write.
  virtual bool takes_stores() const = 0;

  // A range of offsets with all changes since the last call.
  Range TakeChanges();

 protected:
  void Store(uint32_t offset, unsigned size, uint32_t value);
  void Changed(uint32_t offset, uint32_t size) {
    changes_ = changes_.empty() ? Range{offset, offset + size}
                                : Range{std::min(changes_.begin, offset), std::max(changes_.end, offset + size)};
  }

 private:
  struct Free {
    void operator()(uint8_t* bytes) const;
  };
  const uint32_t size_;
  const std::unique_ptr<uint8_t[], Free> bytes_;
  Range changes_;
};

class Ram : public HostMemory {
 public:
  // Powers up with noise, as SRAM does, but always with the same noise for the same seed. The noise reveals a tool that
  // relies on zeros or reads the wrong address.
  Ram(uint32_t size, uint64_t seed);

  // The contents are lost: noise again, the same as the first time.
  void PowerUp();

  void Write(uint32_t offset, unsigned size, uint32_t value) override;
  bool takes_stores() const override { return true; }

 private:
  const uint64_t seed_;
};

// NOR flash: a write changes bits from one to zero, and only an erase changes them back. Bus writes are ignored unless
// the flash controller allows them.
class Flash : public HostMemory {
 public:
  explicit Flash(std::span<const uint8_t> contents);

  // If writes are allowed, stores the old contents ANDed with `value`, and then calls `written`, by which the
  // controller knows that it is busy.
  void Write(uint32_t offset, unsigned size, uint32_t value) override;
  bool takes_stores() const override { return false; }

  // For the controller. All ranges are within the memory.
  void AllowWrites(bool allowed) { writes_allowed_ = allowed; }
  void OnWrite(std::function<void(uint32_t offset, unsigned size)> written) { written_ = std::move(written); }
  void Erase(uint32_t offset, uint32_t size);
  // `changed` is called after a write or an erase has changed bytes.
  void OnChange(std::function<void(uint32_t offset, uint32_t size)> changed) { changed_ = std::move(changed); }

 private:
  bool writes_allowed_ = false;
  std::function<void(uint32_t, unsigned)> written_;
  std::function<void(uint32_t, uint32_t)> changed_;
};

}  // namespace probegate::sim
