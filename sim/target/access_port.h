// What a DP sees of an access port: sixty-four registers behind SELECT.
//
// A chip's APs are given to its DebugPort by APSEL; a CTRL-AP or another MEM-AP is one more of these.
#pragma once

#include <cstdint>
#include <optional>

namespace probegate::sim {

class AccessPort {
 public:
  virtual ~AccessPort() = default;

  // `offset` is APBANKSEL and A[3:2] together: 0x00 to 0xFC (ADIv5.2 §C1.2). Nothing, or false, when the transaction
  // that the access causes fails on the target's bus.
  virtual std::optional<uint32_t> Read(uint8_t offset) = 0;
  virtual bool Write(uint8_t offset, uint32_t value) = 0;
};

}  // namespace probegate::sim
