// POWER and CLOCK, two peripherals that share their addresses, events and interrupt (nRF52840 PS v1.1, chapters POWER
// and CLOCK).
//
// Clocks take as long to start as on the chip, but nothing depends on them: the core and the peripherals always run at
// their normal rate. The supply, power failure, USB power and System OFF are not modelled; writing SYSTEMOFF has no
// effect.
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

  // RESETREAS collects causes until the program clears them or the power is lost. GPREGRET, GPREGRET2 and RAM[n].POWER
  // are only reset by a power-on or pin reset ("Reset behavior").
  void Reset(ResetCause cause) override;

  // TRACECONFIG: the function of the trace pins, and the trace clock.
  TracePins trace_pins() const;

 private:
  // One of the two clocks: its event, its registers, and the alarm for the end of its start-up.
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
