// An access port as a DP sees it: 64 registers that SELECT addresses.
//
// A chip's APs, such as a MEM-AP and a CTRL-AP, are passed to its DebugPort in the order of their APSEL.
#pragma once

#include <cstdint>
#include <optional>

namespace probegate::sim {

class AccessPort {
 public:
  virtual ~AccessPort() = default;

  // `offset` combines APBANKSEL with A[3:2]: 0x00 to 0xFC (ADIv5.2 §C1.2). Returns nothing, or false, if the access
  // causes a transaction on the target's bus that fails.
  virtual std::optional<uint32_t> Read(uint8_t offset) = 0;
  virtual bool Write(uint8_t offset, uint32_t value) = 0;
};

}  // namespace probegate::sim
