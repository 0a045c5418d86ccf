#include "base/timers.h"

#include <utility>

namespace probegate {

Timers::Timers() : thread_([this] { Run(); }) {}

void Timers::At(Clock::time_point when, std::weak_ptr<void> owner, std::function<void()> due) {
  MutexLock lock(mutex_);
  if (stopped_) return;
  entries_.emplace(when, Entry{.owner = std::move(owner), .due = std::move(due)});
  changed_.NotifyAll();
}

void Timers::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Timers::Run() {
  while (true) {
    Entry entry;
    {
      MutexLock lock(mutex_);
      while (!stopped_ && (entries_.empty() || entries_.begin()->first > Clock::now())) {
        entries_.empty() ? changed_.Wait(mutex_) : (void)changed_.WaitUntil(mutex_, entries_.begin()->first);
      }
      if (stopped_) return;
      entry = std::move(entries_.begin()->second);
      entries_.erase(entries_.begin());
    }
    if (const auto owner = entry.owner.lock()) entry.due();
  }
}

}  // namespace probegate
