// The AHB-AP of a Cortex-M4: the registers by which a debugger accesses the target's bus (ADIv5.2 §C2).
//
// TAR increments by the size of the access and wraps at 4 KiB; a failed transaction does not change it. Bytes and
// halfwords are in the lanes that their address selects; the other lanes read as zero. Packed transfers are not
// supported: CSW does not store that value of AddrInc. An address that is not a multiple of the size causes a bus
// fault, and so does an access to the system control space that is not privileged (HPROT[1] in CSW). While the AP is
// blocked, CSW.DeviceEn reads as zero and every access to the bus fails.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "sim/target/access_port.h"
#include "sim/target/bus.h"

namespace probegate::sim {

// The identification registers of a MEM-AP. CFG exists in APv2 (IHI 0074 §C2.6).
struct MemApIdentity {
  uint32_t idr = 0x24770011;  // the AHB-AP of a Cortex-M4
  uint32_t cfg = 0;
};

// Which attributes an access to memory must have (IHI 0074 §C2.6.4); with others it fails. After power-up CSW has the
// wrong ones for kPrivileged and kSecure, so the debugger has to set them, and the right ones for kNonSecure.
enum class CswRule : uint8_t {
  kNone,
  kPrivileged,  // HPROT[1] must be 1
  kSecure,      // HNONSEC must be 0: secure debug is allowed, so SPIDEN is 1, and memory is secure
  kNonSecure,   // HNONSEC must be 1: secure debug is not allowed, so SPIDEN is 0
};

class MemAp : public AccessPort {
 public:
  // `bus` must outlive it. `base` is the value of BASE, the ROM table's address. `open` returns whether accesses to the
  // bus are allowed.
  MemAp(
      Bus& bus, uint32_t base, const MemApIdentity& identity = {}, std::function<bool()> open = [] { return true; })
      : bus_(bus), base_(base), identity_(identity), open_(std::move(open)) {}

  // Changes the rule, and with it the value of CSW to that after power-up.
  void SetRule(CswRule rule);
  // As after power-up.
  void PowerUp();

  std::optional<uint32_t> Read(uint8_t offset) override;
  bool Write(uint8_t offset, uint32_t value) override;

 private:
  bool MayAccess(uint32_t address) const;
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
  CswRule rule_ = CswRule::kNone;
  uint32_t csw_ = 0x23000002;  // the bits that can be written
  uint32_t tar_ = 0;
};

}  // namespace probegate::sim
