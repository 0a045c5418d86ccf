// Flash and RAM: bytes that stay where they are, and that the core reads and executes without asking anybody.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "sim/target/bus.h"

namespace probegate::sim {

// Memory of the host, little-endian, at an address and of a size that are multiples of 4 KiB.
//
// The core keeps translations of the code it has executed. Who changes bytes other than by the core's own stores says
// so with Changed; the core asks with TakeChanges before it runs on.
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

  // Whether a store of the core changes the bytes as it is; otherwise it becomes a call of Write.
  virtual bool takes_stores() const = 0;

  // What has changed since the last time, as one range of offsets.
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
  // Powers up with noise, as SRAM does, but the same for the same seed: a tool that reads zeros there, or reads the
  // wrong address, is found out.
  Ram(uint32_t size, uint64_t seed);

  void Write(uint32_t offset, unsigned size, uint32_t value) override;
  bool takes_stores() const override { return true; }
};

// NOR flash: bits go from one to zero by a write, and back by an erase. A bus write changes something only while the
// flash controller allows it, and is ignored otherwise.
class Flash : public HostMemory {
 public:
  explicit Flash(std::span<const uint8_t> contents);

  // `value` is stored with what was there ANDed, if writes are allowed; then `written` is called, where the controller
  // counts its time.
  void Write(uint32_t offset, unsigned size, uint32_t value) override;
  bool takes_stores() const override { return false; }

  // The controller's side. All ranges are within the memory.
  void AllowWrites(bool allowed) { writes_allowed_ = allowed; }
  void OnWrite(std::function<void(uint32_t offset, unsigned size)> written) { written_ = std::move(written); }
  void Erase(uint32_t offset, uint32_t size);
  // Called when bytes have changed, by write or erase: for who keeps them.
  void OnChange(std::function<void(uint32_t offset, uint32_t size)> changed) { changed_ = std::move(changed); }

 private:
  bool writes_allowed_ = false;
  std::function<void(uint32_t, unsigned)> written_;
  std::function<void(uint32_t, uint32_t)> changed_;
};

}  // namespace probegate::sim
