// Recognizes the few Thumb instructions that need a decision before they are executed (ARMv7-M ARM §A5).
#pragma once

#include <array>
#include <cstdint>

namespace probegate::sim {

inline constexpr uint16_t kOpcodeWfe = 0xBF20;
inline constexpr uint16_t kOpcodeWfi = 0xBF30;
inline constexpr uint16_t kOpcodeYield = 0xBF10;

// Used together with the bits of InstructionKind: a load or store whose address must be a multiple of four.
inline constexpr uint8_t kAlignedBase = 1 << 7;

// A table of the kinds that an instruction may be of, as a mask, indexed by the top ten bits of its first halfword.
std::array<uint8_t, 1024> MakeKindTable();

// The kinds that an instruction is of, as a mask, given both its halfwords.
uint8_t KindOf(uint16_t first, uint16_t second);

// For kAlignedBase: the number of the register that holds the address.
unsigned BaseRegister(uint16_t first);

}  // namespace probegate::sim
