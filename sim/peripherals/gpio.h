// GPIO: the two ports of an nRF52840, which share a page of addresses (PS v1.1, chapter GPIO).
//
// The level of a pin is the one that the program drives, if it is an output; otherwise the one that is driven from
// outside; otherwise that of its pull resistor; otherwise low. PIN_CNF.DRIVE applies: a level for which it says
// "disconnect" is not driven. IN shows the level if the input buffer is connected. LATCH follows PIN_CNF.SENSE; there
// is no DETECT signal.
#pragma once

#include <array>
#include <cstdint>

#include "sim/target/register_block.h"
#include "sim/target/reset.h"
#include "sim/trace.h"

namespace probegate::sim {

// How a pin is driven from outside of the chip.
enum class PinDrive : uint8_t { kFloating, kLow, kHigh };

class Gpio : public RegisterBlock, public Resettable {
 public:
  static constexpr uint32_t kBase = 0x50000000;
  static constexpr unsigned kPorts = 2;
  static constexpr std::array<unsigned, kPorts> kPins = {32, 16};

  Gpio();

  // Pins keep being driven from outside as before.
  void Reset(ResetCause cause) override;

  void TraceTo(Trace* trace) { trace_ = trace; }

  // For the control port: OUT, DIR and the levels at the pins, one bit for each pin.
  uint32_t out(unsigned port) const;
  uint32_t dir(unsigned port) const;
  uint32_t levels(unsigned port) const;
  // `pin` must exist in the port.
  void Drive(unsigned port, unsigned pin, PinDrive drive);

 private:
  uint32_t ReadWord(uint32_t offset) override;
  void WriteWord(uint32_t offset, uint32_t value) override;
  uint32_t OtherLanes(uint32_t offset) override;

  uint32_t PinConfiguration(unsigned port, unsigned pin) const;
  void SetDirection(unsigned port, uint32_t value);
  bool Level(unsigned port, unsigned pin) const;
  uint32_t Input(unsigned port) const;
  void UpdateLatches();
  void TraceLevels();

  std::array<std::array<PinDrive, 32>, kPorts> outside_{};
  Trace* trace_ = nullptr;
  std::array<uint32_t, kPorts> traced_levels_{};
};

}  // namespace probegate::sim
