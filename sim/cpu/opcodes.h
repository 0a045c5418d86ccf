// The few Thumb encodings that something has to be known of before they are executed (ARMv7-M ARM §A5).
#pragma once

#include <array>
#include <cstdint>

namespace probegate::sim {

inline constexpr uint16_t kOpcodeWfe = 0xBF20;
inline constexpr uint16_t kOpcodeWfi = 0xBF30;
inline constexpr uint16_t kOpcodeYield = 0xBF10;

// Together with the bits of InstructionKind: a load or store whose address must be a multiple of four.
inline constexpr uint8_t kAlignedBase = 1 << 7;

// What an instruction could be by the first ten bits of its first halfword, as a mask of kinds.
std::array<uint8_t, 1024> MakeKindTable();

// What it is.
uint8_t KindOf(uint16_t first, uint16_t second);

// For kAlignedBase: the number of the register that holds the address.
unsigned BaseRegister(uint16_t first);

}  // namespace probegate::sim
