#include "sim/board.h"

#include <random>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

// Another number for each board and purpose, all from one seed.
uint64_t Derive(uint64_t seed, unsigned index, unsigned purpose) {
  std::seed_seq sequence{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), index, purpose};
  return std::mt19937_64(sequence)();
}

std::string Serial(const std::string& prefix, uint64_t seed, unsigned index) {
  return fmt::format("{}{:04d}{:08X}", prefix, index, static_cast<uint32_t>(Derive(seed, index, 0)));
}

std::function<uint32_t()> MicrosecondTimer() {
  return [start = std::chrono::steady_clock::now()] {
    const auto elapsed = std::chrono::steady_clock::now() - start;
    return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count());
  };
}

}  // namespace

Board::Board(unsigned index, uint64_t seed, const std::string& serial_prefix)
    : chip_(Derive(seed, index, 1)), device_(chip_, Serial(serial_prefix, seed, index), MicrosecondTimer()) {}

}  // namespace probegate::sim
