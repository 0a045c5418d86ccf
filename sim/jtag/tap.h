// One test access port in a chain (IEEE 1149.1-2013 §7 to §12): its instruction register, and the data register that
// the instruction selects. The state machine is the chain's, since all TAPs see the same TCK and TMS: sim/jtag/chain.h.
#pragma once

#include <cstdint>
#include <optional>

namespace probegate::sim {

class Tap {
 public:
  // The longest instruction and data registers that shift_ can hold.
  static constexpr unsigned kMaxBits = 64;

  virtual ~Tap() = default;
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // What Test-Logic-Reset does.
  void Reset() { instruction_ = reset_instruction_; }

  // The actions of the states that have these names. A register shifts towards bit 0, which is the one on TDO.
  void CaptureIr() { Capture({kCapturedInstruction, instruction_bits_}); }
  void CaptureDr() { Capture(Captured(instruction_)); }
  bool tdo() const { return (shift_ & 1) != 0; }
  void Shift(bool tdi) { shift_ = shift_ >> 1 | uint64_t{tdi} << (shift_bits_ - 1); }
  void UpdateIr() { instruction_ = shift_; }
  void UpdateDr() { Update(instruction_, shift_); }

 protected:
  struct Register {
    uint64_t value;
    unsigned bits;
  };

  // §9.1 and §12.1: BYPASS has one bit, which captures a zero; IDCODE has 32, of which the first is a one.
  static constexpr Register kBypass = {0, 1};
  static constexpr Register Idcode(uint32_t idcode) { return {idcode, 32}; }

  // A TAP whose instructions have `instruction_bits` bits, as after Test-Logic-Reset, which selects
  // `reset_instruction`.
  Tap(unsigned instruction_bits, uint64_t reset_instruction)
      : instruction_bits_(instruction_bits), reset_instruction_(reset_instruction), instruction_(reset_instruction) {}

  // The register that `instruction` selects, with what it captures; and what its new value does.
  virtual Register Captured(uint64_t instruction) = 0;
  virtual void Update(uint64_t /*instruction*/, uint64_t /*value*/) {}

 private:
  static constexpr uint64_t kCapturedInstruction = 0b01;  // §7.1.1: the lowest two bits

  void Capture(const Register& captured) {
    shift_ = captured.value;
    shift_bits_ = captured.bits;
  }

  const unsigned instruction_bits_;
  const uint64_t reset_instruction_;
  uint64_t instruction_;
  uint64_t shift_ = 0;
  unsigned shift_bits_ = 1;
};

// The TAP of a chip's boundary scan, or of another chip, as far as a debugger sees it: IDCODE, if it has one, and
// BYPASS, which every other instruction selects.
class OtherTap : public Tap {
 public:
  struct Settings {
    unsigned instruction_bits;       // 2 to kMaxBits
    std::optional<uint32_t> idcode;  // bit 0 is set
  };

  // §12.1: Test-Logic-Reset selects IDCODE, or BYPASS if there is no IDCODE.
  explicit OtherTap(const Settings& settings)
      : Tap(settings.instruction_bits, settings.idcode ? kIdcode : kAllOnes), idcode_(settings.idcode) {}

 protected:
  Register Captured(uint64_t instruction) override {
    return idcode_ && instruction == kIdcode ? Idcode(*idcode_) : kBypass;
  }

 private:
  static constexpr uint64_t kIdcode = 0b01;  // as in STM32; the standard leaves it to the maker
  static constexpr uint64_t kAllOnes = ~uint64_t{0};

  const std::optional<uint32_t> idcode_;
};

}  // namespace probegate::sim
