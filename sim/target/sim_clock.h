// Simulated time, in cycles of the chip's clock since power-up, and the alarms that are set.
//
// An executed instruction takes one cycle; while the core sleeps or is halted, time passes without execution. Nothing
// here depends on a wall clock, so what happens at which cycle depends only on the program.
//
// Threads: the chip's rule, one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <utility>

namespace probegate::sim {

class Alarm;

class SimClock {
 public:
  static constexpr uint32_t kDefaultHz = 64'000'000;
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  explicit SimClock(uint32_t hz = kDefaultHz) : hz_(hz) {}
  SimClock(const SimClock&) = delete;
  SimClock& operator=(const SimClock&) = delete;

  uint64_t now() const { return now_; }
  uint32_t hz() const { return hz_; }
  uint64_t FromMicroseconds(uint64_t microseconds) const { return microseconds * hz_ / 1'000'000; }

  // The cycle of the first alarm that is set; kNever if none is.
  uint64_t next_due() const { return next_due_; }

  // Counts one instruction. If due() is true, RunDue must be called before the next instruction.
  void Tick() { ++now_; }
  bool due() const { return now_ >= next_due_; }
  // Calls the alarms that are due, in the order of their cycles and, within a cycle, in the order in which they were
  // set.
  void RunDue();

  // Lets time pass up to `cycle`; alarms on the way go off, each at its own cycle. Does nothing if `cycle` is past.
  void AdvanceTo(uint64_t cycle);

  // Stops the core for so long, for example while a flash page is erased. Alarms that become due go off only
  // afterwards, before the next instruction, so this may be called from an alarm or from a register access.
  void Stall(uint64_t cycles) { now_ += cycles; }

 private:
  friend class Alarm;
  using Entry = std::pair<std::pair<uint64_t, uint64_t>, Alarm*>;  // cycle, order of setting
  void Insert(Alarm& alarm);
  void Remove(Alarm& alarm);
  void UpdateNext() { next_due_ = entries_.empty() ? kNever : entries_.begin()->first.first; }

  const uint32_t hz_;
  uint64_t now_ = 0;
  uint64_t next_due_ = kNever;
  uint64_t settings_ = 0;
  std::set<Entry> entries_;
};

// A function that a clock calls at a given cycle, once each time the alarm is set. The destructor clears the alarm.
class Alarm {
 public:
  // `clock` must outlive it. `function` may set this alarm and others, and read and write registers.
  Alarm(SimClock& clock, std::function<void()> function) : clock_(clock), function_(std::move(function)) {}
  ~Alarm() { Clear(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Replaces any earlier setting. An alarm for a cycle that is past is due immediately, before the next instruction.
  void SetAt(uint64_t cycle);
  void SetIn(uint64_t cycles) { SetAt(clock_.now() + cycles); }
  void Clear();

  bool is_set() const { return due_ != SimClock::kNever; }
  uint64_t due() const { return due_; }
  // For use in the function: the cycle at which the alarm was due, which may be somewhat before now().
  uint64_t last_due() const { return last_due_; }

 private:
  friend class SimClock;

  SimClock& clock_;
  const std::function<void()> function_;
  uint64_t due_ = SimClock::kNever;
  uint64_t last_due_ = 0;
  uint64_t order_ = 0;
};

}  // namespace probegate::sim
