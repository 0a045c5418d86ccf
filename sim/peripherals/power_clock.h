// POWER and CLOCK, two peripherals that share their addresses, events and interrupt (nRF52840 PS v1.1, chapters POWER
// and CLOCK).
//
// Clocks start in the time they take on the chip, and nothing depends on them: the core and the peripherals run at
// their rate in any case. Supply, power failure, USB power and System OFF are not modelled; writing SYSTEMOFF does
// nothing.
#pragma once

#include <cstdint>

#include "sim/debug/trace_port.h"
#include "sim/peripherals/peripheral.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class PowerClock : public Peripheral {
 public:
  // `clock` must outlive it.
  PowerClock(SimClock& clock, InterruptLines& lines, unsigned irq);

  // RESETREAS collects causes until the program clears them or the power fails; GPREGRET and GPREGRET2 outlive all but
  // a reset by power or by pin, RAM[n].POWER too ("Reset behavior").
  void Reset(ResetCause cause) override;

  // TRACECONFIG: what the trace pins are, and the clock of what leaves by them.
  TracePins trace_pins() const;

 private:
  // One of the two: how it is started, and what shows that it runs.
  struct Oscillator {
    uint32_t event;
    uint32_t run;
    uint32_t stat;
    Alarm started;
  };

  void StartTask(uint32_t offset) override;
  void WriteRegister(uint32_t offset, uint32_t value) override;
  void Start(Oscillator& oscillator, uint64_t microseconds);
  void Stop(Oscillator& oscillator);
  void Started(Oscillator& oscillator);
  void WriteRamPower(uint32_t offset, uint32_t value);

  SimClock& clock_;
  Oscillator high_;
  Oscillator low_;
};

}  // namespace probegate::sim
