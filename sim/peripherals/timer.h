// TIMER: a counter of 8 to 32 bits that counts a divided 16 MHz, or what a task tells it to, and compares itself with
// four or six values (nRF52840 PS v1.1, chapter TIMER).
//
// Nothing is done for a tick: the counter is worked out from the clock, and an alarm is set for the next comparison
// that would change something. So a timer whose events nobody clears costs nothing.
#pragma once

#include <cstdint>

#include "sim/peripherals/peripheral.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class Timer : public Peripheral {
 public:
  // `compares`: 4 or 6. `clock` must outlive it, and run at a multiple of 16 MHz.
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
  // The counter is `value` at `cycle`, a beginning of a tick.
  void Rebase(uint32_t value, uint64_t cycle);
  void Count();
  // `cycle` is when the counter has come to `value`.
  void Compare(uint32_t value, uint64_t cycle);
  // Sets the alarm for the first comparison after `from` that matters.
  void Schedule(uint64_t from);
  // Makes the comparisons that are due and have not been made: between two instructions a debugger may be first.
  void Settle();

  SimClock& clock_;
  const unsigned compares_;
  Alarm alarm_;
  bool running_ = false;
  uint32_t base_value_ = 0;
  uint64_t base_cycle_ = 0;
};

}  // namespace probegate::sim
