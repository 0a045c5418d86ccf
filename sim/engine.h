// The engine of a board: the thread on which its chip executes, and how other threads access the chip meanwhile.
//
// Another thread that needs a register or a byte of memory stops the engine for that time (Stop). So only one thread at
// a time uses the chip, and nothing in the chip needs a lock of its own.
//
// While the core executes, it does so as fast as it can; simulated time is a count of instructions. While the core
// sleeps, is halted or has locked up, simulated time passes as on the wall clock, as long as an alarm of the clock is
// set; that costs nothing, because the thread waits. With Pace::kRealTime execution is held back to the chip's clock
// too. The wall clock determines when something happens but never what happens: a program without a debugger leaves the
// same trace each time.
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
    kWire,  // nothing happens by itself: simulated time passes only with the clock of the wire (Chip::FollowWire)
  };

  // Runs until it is destroyed. `chip` must outlive it.
  Engine(Chip& chip, Pace pace);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // While a Stop exists, the chip stands still, and the thread that made the Stop may use it. A thread may have one at
  // a time, and should keep it briefly. Making one takes some microseconds if the core is executing, and some tens of
  // nanoseconds if it is not.
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
  void CatchUp();
  TimePoint WallAt(uint64_t cycle) const;
  uint64_t CycleAt(TimePoint time) const;
  void Anchor(TimePoint now);

  Chip& chip_;
  const Pace pace_;
  std::atomic<unsigned> visitors_{0};  // threads that have or want a Stop
  std::mutex mutex_;                   // guards the chip and what is below
  std::condition_variable wake_;
  bool quit_ = false;
  bool idle_ = false;          // the thread waits while simulated time passes
  uint64_t waits_for_ = 0;     // the cycle that it waits for
  TimePoint anchor_time_;      // at this time of the wall clock,
  uint64_t anchor_cycle_ = 0;  // the chip's clock was at this cycle
  std::thread thread_;
};

}  // namespace probegate::sim
