// Flash and RAM: bytes that stay where they are.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/target/bus.h"

namespace probegate::sim {

// Little-endian bytes that a bus access reads and writes.
class Ram : public Region {
 public:
  // Powers up with noise, as SRAM does, but the same for the same seed: a tool that reads zeros there, or reads the
  // wrong address, is found out.
  Ram(uint32_t size, uint64_t seed);

  uint32_t Read(uint32_t offset, unsigned size) override;
  void Write(uint32_t offset, unsigned size, uint32_t value) override;

 private:
  std::vector<uint8_t> bytes_;
};

// Erased NOR flash. A bus write changes nothing: an nRF52's flash takes writes only while its controller is told to,
// and without that ignores them.
class Flash : public Region {
 public:
  explicit Flash(uint32_t size) : bytes_(size, 0xFF) {}

  uint32_t Read(uint32_t offset, unsigned size) override;
  void Write(uint32_t, unsigned, uint32_t) override {}

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace probegate::sim
