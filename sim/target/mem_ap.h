// The AHB-AP of a Cortex-M4: the registers by which a debugger reaches the target's bus (ADIv5.2 §C2).
//
// TAR counts by the size of the access and wraps at 4 KiB; a transaction that fails leaves it. Data of bytes and
// halfwords is in the lanes of their address, the other lanes read as zero. Packed transfers are not offered: CSW does
// not keep that AddrInc. An address that is no multiple of the size is a bus fault. While the AP is shut, CSW.DeviceEn
// reads as zero and every access to the bus fails.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "sim/target/access_port.h"
#include "sim/target/bus.h"

namespace probegate::sim {

// What a MEM-AP says of itself. CFG is there in APv2 (IHI 0074 §C2.6).
struct MemApIdentity {
  uint32_t idr = 0x24770011;  // the AHB-AP of a Cortex-M4
  uint32_t cfg = 0;
};

class MemAp : public AccessPort {
 public:
  // `bus` must outlive it. `base` is where the ROM table is, `open` whether the AP lets anybody through.
  MemAp(
      Bus& bus, uint32_t base, const MemApIdentity& identity = {}, std::function<bool()> open = [] { return true; })
      : bus_(bus), base_(base), identity_(identity), open_(std::move(open)) {}

  std::optional<uint32_t> Read(uint8_t offset) override;
  bool Write(uint8_t offset, uint32_t value) override;

 private:
  std::optional<uint32_t> ReadBus(uint32_t address, unsigned size);
  bool WriteBus(uint32_t address, unsigned size, uint32_t value);
  std::optional<uint32_t> ReadDrw();
  bool WriteDrw(uint32_t value);
  void WriteCsw(uint32_t value);
  void Advance();
  unsigned access_size() const;

  Bus& bus_;
  const uint32_t base_;
  const MemApIdentity identity_;
  const std::function<bool()> open_;
  uint32_t csw_ = 0x23000002;  // but for DeviceEn
  uint32_t tar_ = 0;
};

}  // namespace probegate::sim
