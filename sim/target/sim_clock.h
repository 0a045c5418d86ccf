// Simulated time, in cycles of the chip's clock since power-up, and what is due at which cycle.
//
// An executed instruction takes one cycle; a core that sleeps or is halted lets time pass without executing. Nothing
// here looks at a wall clock, so what happens at which cycle depends on the program alone.
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

  // The cycle of the first alarm that is set, kNever without one.
  uint64_t next_due() const { return next_due_; }

  // One instruction's time. RunDue is to be called before the next one where due() says so.
  void Tick() { ++now_; }
  bool due() const { return now_ >= next_due_; }
  // Calls the alarms that are due, in the order of their cycles and, within a cycle, of their setting.
  void RunDue();

  // Lets time pass up to `cycle`, and the alarms on the way go off, each at its own cycle. Nothing when that is past.
  void AdvanceTo(uint64_t cycle);

  // The core stands still for so long, as while a flash page is erased. Alarms go off after it, before the next
  // instruction: so this may be called out of one, or out of a register access.
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

// A function that a clock calls at a cycle, once for each setting. Its end takes it back.
class Alarm {
 public:
  // `clock` must outlive it. `function` may set this alarm and others, and read and write registers.
  Alarm(SimClock& clock, std::function<void()> function) : clock_(clock), function_(std::move(function)) {}
  ~Alarm() { Clear(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Instead of any earlier setting. A cycle that is past is due at once: before the next instruction.
  void SetAt(uint64_t cycle);
  void SetIn(uint64_t cycles) { SetAt(clock_.now() + cycles); }
  void Clear();

  bool is_set() const { return due_ != SimClock::kNever; }
  uint64_t due() const { return due_; }
  // For the function: the cycle for which it is called, which may be some way back.
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
