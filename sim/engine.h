// The engine of a board: the thread on which its chip executes, and how others get at the chip meanwhile.
//
// Whoever wants a register or a byte of memory stops the engine for as long as that takes (Stop); so everything of a
// chip is used by one thread at a time, and nothing of it needs a lock of its own.
//
// A core that executes does so as fast as it can, simulated time being a count of instructions. One that sleeps, is
// halted or has locked up lets time pass as it passes for everybody, for as long as an alarm of the clock is set, and
// costs nothing: the thread waits. In real time, execution too is held back to the chip's clock. The wall clock decides
// when something is done and never what: a program without a debugger leaves the same trace each time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "sim/target/chip.h"

namespace probegate::sim {

class Engine {
 public:
  enum class Pace : uint8_t {
    kFast,
    kRealTime,
    kWire,  // nothing happens by itself: the chip does what there is time for on the wire (Chip::FollowWire)
  };

  // Runs from then on. `chip` must outlive it.
  Engine(Chip& chip, Pace pace);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // While it lives the chip stands still and is its maker's. One at a time in a thread; to be short. Takes some
  // microseconds when the core executes, some tens of nanoseconds when it does not.
  class Stop {
   public:
    explicit Stop(Engine& engine);
    ~Stop();
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

   private:
    Engine& engine_;
    std::unique_lock<std::mutex> lock_;
  };

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Main();
  void Run(std::unique_lock<std::mutex>& lock);
  void Idle(std::unique_lock<std::mutex>& lock);
  void WaitForVisitors(std::unique_lock<std::mutex>& lock);
  bool HasToWake() const;
  void Pass();
  TimePoint WallAt(uint64_t cycle) const;
  uint64_t CycleAt(TimePoint time) const;
  void Anchor(TimePoint now);

  Chip& chip_;
  const Pace pace_;
  std::atomic<unsigned> visitors_{0};
  std::mutex mutex_;  // guards the chip and what is below
  std::condition_variable wake_;
  bool quit_ = false;
  bool idle_ = false;          // the thread waits, and time passes
  uint64_t waits_for_ = 0;     // while it waits: the cycle
  TimePoint anchor_time_;      // when the clock was
  uint64_t anchor_cycle_ = 0;  // here
  std::thread thread_;
};

}  // namespace probegate::sim
