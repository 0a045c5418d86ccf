// TIMER: a counter of 8 to 32 bits that counts a divided 16 MHz clock, or a task, and is compared with four or six
// values (nRF52840 PS v1.1, chapter TIMER).
//
// Nothing is done at each tick: the counter is computed from the clock, and an alarm is set for the next match that
// would change something. So a timer whose events are never cleared costs nothing.
#pragma once

#include <cstdint>

#include "sim/peripherals/peripheral.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class Timer : public Peripheral {
 public:
  // `compares` is 4 or 6. `clock` must outlive it and run at a multiple of 16 MHz.
  Timer(SimClock& clock, InterruptLines& lines, unsigned irq, unsigned compares);

  void Reset(ResetCause cause) override;

 private:
  void StartTask(uint32_t offset) override;
  void WriteRegister(uint32_t offset, uint32_t value) override;
  void EventCleared(uint32_t offset) override;

  bool counts_clock() const;
  bool matters(unsigned compare) const;
  uint32_t mask() const;
  uint64_t cycles_per_tick() const;
  uint32_t counter(uint64_t cycle) const;
  // Sets the counter to `value` at `cycle`, where a tick begins.
  void Rebase(uint32_t value, uint64_t cycle);
  void Count();
  // Handles the matches of the counter, which has reached `value` at `cycle`.
  void Compare(uint32_t value, uint64_t cycle);
  // Sets the alarm for the first match after `from` that matters.
  void Schedule(uint64_t from);
  // Handles matches that are due but have not been handled: a debugger may access the timer before the clock has called
  // the alarm.
  void Settle();

  SimClock& clock_;
  const unsigned compares_;
  Alarm alarm_;
  bool running_ = false;
  uint32_t base_value_ = 0;
  uint64_t base_cycle_ = 0;
};

}  // namespace probegate::sim
