#include "sim/engine.h"

#include <algorithm>
#include <exception>

namespace probegate::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// The most that simulated time may lag behind the wall clock and still catch up.
constexpr milliseconds kMaxLag{100};

// In real time, the chip runs for so long between two looks at the wall clock.
constexpr milliseconds kSlice{1};

}  // namespace

Engine::Engine(Chip& chip, Pace pace) : chip_(chip), pace_(pace), anchor_time_(std::chrono::steady_clock::now()) {
  thread_ = std::thread([this] { Main(); });
}

Engine::~Engine() {
  {
    const Stop stop(*this);
    quit_ = true;
  }
  thread_.join();
}

Engine::Stop::Stop(Engine& engine) : engine_(engine) {
  engine_.visitors_.fetch_add(1);
  engine_.chip_.Interrupt();
  lock_ = std::unique_lock(engine_.mutex_);
  engine_.CatchUp();
}

Engine::Stop::~Stop() {
  engine_.visitors_.fetch_sub(1);
  engine_.chip_.FollowDebugPower();
  const bool wake = engine_.HasToWake();
  if (engine_.chip_.processor().CanRun()) engine_.idle_ = false;
  lock_.unlock();
  if (wake) engine_.wake_.notify_one();
}

// A failure, for example an alarm that runs out of memory, must affect no other board.
void Engine::Main() {
  std::unique_lock lock(mutex_);
  while (!quit_) {
    try {
      Run(lock);
    } catch (const std::exception& error) {
      chip_.processor().Fail(error.what());
    }
  }
}

void Engine::Run(std::unique_lock<std::mutex>& lock) {
  if (visitors_.load() != 0) {
    WaitForVisitors(lock);
    return;
  }
  if (pace_ == Pace::kWire) {
    wake_.wait(lock, [this] { return quit_; });
    return;
  }
  const SimClock& clock = chip_.clock();
  const uint64_t slice = clock.FromMicroseconds(std::chrono::microseconds(kSlice).count());
  const uint64_t until = pace_ == Pace::kRealTime ? clock.now() + slice : SimClock::kNever;
  switch (chip_.Run(until)) {
    case Processor::End::kInterrupted:
      return;
    case Processor::End::kTimeUp: {
      const TimePoint now = std::chrono::steady_clock::now();
      if (now - WallAt(clock.now()) > kMaxLag) Anchor(now);
      wake_.wait_until(lock, WallAt(clock.now()), [this] { return quit_ || visitors_.load() != 0; });
      return;
    }
    default:
      Idle(lock);
      return;
  }
}

void Engine::WaitForVisitors(std::unique_lock<std::mutex>& lock) {
  wake_.wait(lock, [this] { return visitors_.load() == 0; });
}

// Waits until an alarm is due, or until another thread has changed something; the core executes nothing until then.
void Engine::Idle(std::unique_lock<std::mutex>& lock) {
  const TimePoint now = std::chrono::steady_clock::now();
  const TimePoint due = WallAt(chip_.clock().now());
  // A fast core may be ahead of the wall clock, but its sleep begins now.
  if (now - due > kMaxLag || (pace_ == Pace::kFast && due > now)) Anchor(now);
  idle_ = true;
  waits_for_ = chip_.clock().next_due();
  const auto changed = [this] { return visitors_.load() == 0 && HasToWake(); };
  if (waits_for_ == SimClock::kNever) {
    wake_.wait(lock, changed);
  } else {
    wake_.wait_until(lock, WallAt(waits_for_), changed);
  }
  CatchUp();
  idle_ = false;
}

bool Engine::HasToWake() const {
  return quit_ || !idle_ || chip_.processor().CanRun() || chip_.clock().next_due() != waits_for_;
}

// Advances simulated time by the time that has passed while the engine waited, but not beyond an alarm that wakes a
// sleeping core, which continues from there. Other alarms, for example of bytes being sent, go off on the way.
void Engine::CatchUp() {
  if (!idle_) return;
  SimClock& clock = chip_.clock();
  const Processor& processor = chip_.processor();
  const uint64_t cycle = CycleAt(std::chrono::steady_clock::now());
  while (processor.asleep() && !processor.CanRun() && clock.next_due() < cycle) clock.AdvanceTo(clock.next_due());
  if (!processor.asleep() || !processor.CanRun()) clock.AdvanceTo(cycle);
  if (processor.CanRun()) idle_ = false;
}

void Engine::Anchor(TimePoint now) {
  anchor_time_ = now;
  anchor_cycle_ = chip_.clock().now();
}

Engine::TimePoint Engine::WallAt(uint64_t cycle) const {
  const auto cycles = static_cast<int64_t>(cycle - anchor_cycle_);
  const double seconds = static_cast<double>(cycles) / chip_.clock().hz();
  return anchor_time_ + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

uint64_t Engine::CycleAt(TimePoint time) const {
  const double seconds = std::chrono::duration<double>(time - anchor_time_).count();
  return anchor_cycle_ + static_cast<uint64_t>(std::max(0.0, seconds) * chip_.clock().hz());
}

}  // namespace probegate::sim
