#include "sim/peripherals/ficr.h"

#include <random>

namespace probegate::sim {
namespace {

constexpr RegisterRow kRows[] = {
    {0x000, 0xFFFFFFFF, 0, kRegisterBlockSize / 4},
    {0x010, 0x1000, 0},      // CODEPAGESIZE
    {0x014, 0x100, 0},       // CODESIZE, in pages
    {0x0A0, 0xFFFFFFFF, 0},  // DEVICEADDRTYPE: random
    {0x100, 0x00052840, 0},  // INFO.PART
    {0x104, 0x41414430, 0},  // INFO.VARIANT: AAD0
    {0x108, 0x2004, 0},      // INFO.PACKAGE: QI
    {0x10C, 0x100, 0},       // INFO.RAM, in KiB
    {0x110, 0x400, 0},       // INFO.FLASH, in KiB
};

// The registers that hold random words: DEVICEID, ER, IR and DEVICEADDR.
constexpr RegisterRow kRandom[] = {{0x060, 0, 0, 2}, {0x080, 0, 0, 4}, {0x090, 0, 0, 4}, {0x0A4, 0, 0, 2}};
constexpr uint32_t kDeviceAddress1 = 0x0A8;  // its upper half reads as ones

}  // namespace

Ficr::Ficr(uint64_t seed) : RegisterBlock(kRows) {
  std::mt19937_64 random(seed);
  for (const RegisterRow& row : kRandom) {
    for (unsigned i = 0; i < row.count; ++i) word(row.offset + 4 * i) = static_cast<uint32_t>(random());
  }
  word(kDeviceAddress1) |= 0xFFFF0000;
}

}  // namespace probegate::sim
