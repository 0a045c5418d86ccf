#include "sim/board.h"

#include <random>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

// Derives a different number for each board and purpose from one seed.
uint64_t Derive(uint64_t seed, unsigned index, unsigned purpose) {
  std::seed_seq sequence{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), index, purpose};
  return std::mt19937_64(sequence)();
}

std::function<uint32_t()> MicrosecondTimer() {
  return [start = std::chrono::steady_clock::now()] {
    const auto elapsed = std::chrono::steady_clock::now() - start;
    return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count());
  };
}

}  // namespace

std::string BoardSerial(unsigned index, uint64_t seed, const std::string& prefix) {
  return fmt::format("{}{:04d}{:08X}", prefix, index, static_cast<uint32_t>(Derive(seed, index, 0)));
}

Board::Board(unsigned index, uint64_t seed, const std::string& serial_prefix, const FlashContents& contents,
             const ChipSettings& settings)
    : chip_(Derive(seed, index, 1), contents, settings),
      device_(chip_, BoardSerial(index, seed, serial_prefix), MicrosecondTimer()) {}

}  // namespace probegate::sim
