#include "cli/servers/waiting.h"

#include <utility>

namespace probegate {

Waiting::Waiting(std::chrono::milliseconds patience, std::function<void()> explain, std::chrono::milliseconds bound,
                 std::function<void()> give_up)
    : patience_(patience), explain_(std::move(explain)), bound_(bound), give_up_(std::move(give_up)), thread_([this] {
        Run();
      }) {}

Waiting::~Waiting() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void Waiting::Begin() {
  MutexLock lock(mutex_);
  since_ = Clock::now();
  changed_.NotifyAll();
}

void Waiting::End() {
  MutexLock lock(mutex_);
  since_ = Clock::time_point::max();
}

bool Waiting::gave_up() const {
  MutexLock lock(mutex_);
  return gave_up_;
}

void Waiting::Run() {
  while (true) {
    bool explain = false;
    {
      MutexLock lock(mutex_);
      while (!stopping_) {
        if (since_ == Clock::time_point::max() || gave_up_) {
          changed_.Wait(mutex_);
          continue;
        }
        explain = !explained_ && patience_ < bound_;
        const Clock::time_point due = since_ + (explain ? patience_ : bound_);
        if (Clock::now() >= due) break;
        changed_.WaitUntil(mutex_, due);
      }
      if (stopping_) return;
      (explain ? explained_ : gave_up_) = true;
    }
    (explain ? explain_ : give_up_)();
  }
}

}  // namespace probegate
