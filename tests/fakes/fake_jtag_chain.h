// A JTAG chain of a few TAPs, clock by clock, and a CMSIS-DAP device on it that answers as much as a driver needs to
// find the chain and to read a debug port.
//
// TAPs are listed as CMSIS-DAP numbers them: the first is next to TDO. The device carries out a transfer only if it has
// been told where the debug port is; otherwise the transfer gets no answer, as on a real chain.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "probe/adi/tap_state.h"

namespace probegate {

struct FakeTap {
  uint8_t ir_length = 4;
  std::optional<uint32_t> idcode;
  uint64_t captured = 0b01;  // by the instruction register

  static constexpr FakeTap ArmDap() { return {.ir_length = 4, .idcode = 0x4BA00477, .captured = 0b0001}; }
};

class FakeJtagChain {
 public:
  explicit FakeJtagChain(std::vector<FakeTap> taps) : taps_(std::move(taps)) { Reset(); }

  // One cycle of TCK. Returns TDO before the rising edge.
  bool Clock(bool tms, bool tdi);

  // From now on TDO does not move.
  void StickAt(bool level) { stuck_ = level; }
  // Whether the pins are in JTAG; if not, TDO is high.
  void set_selected(bool selected) { selected_ = selected; }

  const std::vector<FakeTap>& taps() const { return taps_; }
  bool idle() const { return selected_ && state_ == adi::TapState::kRunTestIdle; }
  // Whether each TAP has BYPASS or IDCODE, so that the chain does nothing to the pins of the parts in it.
  bool harmless() const;

 private:
  void Reset();
  void Capture(bool ir);
  void Update();

  const std::vector<FakeTap> taps_;
  adi::TapState state_ = adi::TapState::kTestLogicReset;
  std::vector<bool> shift_;        // all registers in a row, the first on TDO
  std::vector<bool> bypass_;       // by TAP: the instruction is BYPASS
  std::vector<bool> after_reset_;  // by TAP: the instruction is that of Test-Logic-Reset
  std::optional<bool> stuck_;
  bool selected_ = true;
};

class FakeJtagProbe {
 public:
  static constexpr size_t kPacketSize = 64;

  FakeJtagProbe(FakeJtagChain& chain, size_t dap) : chain_(chain), dap_(dap) {}

  // The replies to a request, for FakeTransport.
  std::vector<std::vector<uint8_t>> operator()(const std::vector<uint8_t>& request);

  // It lost its power.
  void Forget() { configured_.clear(); }
  // More devices than this are refused by DAP_JTAG_Configure.
  void set_most_devices(size_t count) { most_devices_ = count; }

 private:
  std::vector<uint8_t> Info(uint8_t id) const;
  std::vector<uint8_t> Sequence(const std::vector<uint8_t>& request);
  bool Reaches(uint8_t device) const;

  FakeJtagChain& chain_;
  const size_t dap_;
  size_t most_devices_ = 8;
  std::vector<uint8_t> configured_;
};

}  // namespace probegate
