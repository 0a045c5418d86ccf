// The AHB-AP of a Cortex-M4: the registers by which a debugger reaches the target's bus (ADIv5.2 §C2).
//
// TAR counts by the size of the access and wraps at 4 KiB; a transaction that fails leaves it. Data of bytes and
// halfwords is in the lanes of their address, the other lanes read as zero. Packed transfers are not offered: CSW does
// not keep that AddrInc. An address that is no multiple of the size is a bus fault.
#pragma once

#include "sim/target/access_port.h"
#include "sim/target/bus.h"

namespace probegate::sim {

class MemAp : public AccessPort {
 public:
  // `bus` must outlive it. `base` is where the ROM table is.
  MemAp(Bus& bus, uint32_t base) : bus_(bus), base_(base) {}

  std::optional<uint32_t> Read(uint8_t offset) override;
  bool Write(uint8_t offset, uint32_t value) override;

 private:
  std::optional<uint32_t> ReadDrw();
  bool WriteDrw(uint32_t value);
  void WriteCsw(uint32_t value);
  void Advance();
  unsigned access_size() const;

  Bus& bus_;
  const uint32_t base_;
  uint32_t csw_ = 0x23000042;
  uint32_t tar_ = 0;
};

}  // namespace probegate::sim
