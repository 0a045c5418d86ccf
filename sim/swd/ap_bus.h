// The address space of a DP that SELECT addresses.
//
// In ADIv5 it holds 256 APs with 64 registers each. In ADIv6 it is a bus of its own, on which each AP or other
// component occupies 4 KiB.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/target/access_port.h"

namespace probegate::sim {

class ApBus {
 public:
  virtual ~ApBus() = default;

  // `address` combines SELECT with A[3:2], and is a multiple of four. Returns nothing, or false, if the access fails.
  virtual std::optional<uint32_t> Read(uint32_t address) = 0;
  virtual bool Write(uint32_t address, uint32_t value) = 0;
};

// ADIv5: APSEL in bits 31:24, the register in 7:0. APs that do not exist read as zero.
class ApSelBus : public ApBus {
 public:
  // `access_ports[n]` answers to APSEL n and must outlive the bus.
  explicit ApSelBus(std::span<AccessPort* const> access_ports)
      : access_ports_(access_ports.begin(), access_ports.end()) {}

  std::optional<uint32_t> Read(uint32_t address) override {
    AccessPort* ap = Find(address);
    return ap != nullptr ? ap->Read(static_cast<uint8_t>(address)) : 0;
  }
  bool Write(uint32_t address, uint32_t value) override {
    AccessPort* ap = Find(address);
    return ap == nullptr || ap->Write(static_cast<uint8_t>(address), value);
  }

 private:
  AccessPort* Find(uint32_t address) const {
    const size_t apsel = address >> 24;
    return apsel < access_ports_.size() ? access_ports_[apsel] : nullptr;
  }

  const std::vector<AccessPort*> access_ports_;
};

}  // namespace probegate::sim
