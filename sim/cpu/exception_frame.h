// The stack frame of an exception: the basic one, and the one with floating-point registers (ARMv7-M ARM §B1.5.6 to
// §B1.5.8).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sim/cpu/cpu_core.h"
#include "sim/cpu/system_registers.h"
#include "sim/target/bus.h"

namespace probegate::sim {

// CONTROL.
inline constexpr uint32_t kControlUnprivileged = 1u << 0;
inline constexpr uint32_t kControlSpsel = 1u << 1;
inline constexpr uint32_t kControlFp = 1u << 2;

// EXC_RETURN (§B1.5.8).
inline constexpr uint32_t kReturnBase = 0xFFFFFFE1;
inline constexpr uint32_t kReturnBasic = 1u << 4;
inline constexpr uint32_t kReturnThread = 1u << 3;
inline constexpr uint32_t kReturnPsp = 1u << 2;

class ExceptionFrame {
 public:
  // Pushes the core's registers. Returns false if there is no writable memory for the frame; SP has moved all the same.
  static bool Push(CpuCore& core, const Bus& bus, SystemRegisters& registers, uint32_t return_address);

  // Reads the frame on top of the stack that this EXC_RETURN selects; nothing if there is no memory.
  static std::optional<ExceptionFrame> Load(const CpuCore& core, const Bus& bus, uint32_t exc_return);

  uint32_t xpsr() const { return words_[kXpsr]; }
  uint32_t return_address() const { return words_[kReturnAddress]; }

  // Takes the frame off its stack: restores the registers, mode and stack pointer of the interrupted code.
  void Restore(CpuCore& core, const SystemRegisters& registers) const;

 private:
  static constexpr size_t kReturnAddress = 6;
  static constexpr size_t kXpsr = 7;
  static constexpr size_t kBasicWords = 8;
  static constexpr size_t kFpscr = 24;
  static constexpr size_t kWords = 26;

  bool has_floats() const { return (exc_return_ & kReturnBasic) == 0; }

  uint32_t exc_return_ = 0;
  uint32_t sp_ = 0;
  std::array<uint32_t, kWords> words_{};
};

}  // namespace probegate::sim
