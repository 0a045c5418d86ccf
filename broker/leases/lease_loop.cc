#include "broker/leases/lease_loop.h"

#include <algorithm>
#include <utility>

#include "base/start_thread.h"

namespace probegate::broker {
namespace {

constexpr std::chrono::milliseconds kTryAgain{200};
// While nothing happens, the store is checked this often, so that a broker which has been superseded notices.
constexpr std::chrono::milliseconds kCheckEvery{1'000};

}  // namespace

absl::StatusOr<std::unique_ptr<LeaseLoop>> LeaseLoop::Start(LeaseBook& book, LeaseStore& store, Callbacks callbacks) {
  std::unique_ptr<LeaseLoop> loop(new LeaseLoop(book, store, std::move(callbacks)));
  absl::Status started = StartThread(loop->thread_, "leases", [loop = loop.get()] { loop->Run(); });
  if (!started.ok()) return started;
  return loop;
}

void LeaseLoop::Post(Work work) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  posted_.push_back(std::move(work));
  changed_.NotifyAll();
}

absl::Status LeaseLoop::ok() const {
  MutexLock lock(mutex_);
  return status_;
}

void LeaseLoop::SetStatus(const absl::Status& status) {
  MutexLock lock(mutex_);
  status_ = status;
}

void LeaseLoop::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

// Waits until there is something to do. Empty if only the time has come for something, or the loop is stopping.
std::vector<LeaseLoop::Work> LeaseLoop::Next() {
  const Clock::time_point check = Clock::now() + kCheckEvery;
  const Clock::time_point due = std::min(book_.NextDue().value_or(check), check);
  MutexLock lock(mutex_);
  while (posted_.empty() && !stopping_ && changed_.WaitUntil(mutex_, due)) {
  }
  return std::exchange(posted_, {});
}

void LeaseLoop::Run() {
  while (true) {
    for (const Work& work : Next()) work(book_, Clock::now());
    const Outbox outbox = book_.Settle(Clock::now());
    if (!Commit(outbox.changes)) return;
    for (const auto& effect : outbox.effects) effect();
    MutexLock lock(mutex_);
    if (stopping_ && posted_.empty()) return;
  }
}

// False if the loop must end without the changes.
bool LeaseLoop::Commit(const std::vector<Change>& changes) {
  const auto began = Clock::now();
  if (changes.empty() && began - last_commit_ < kCheckEvery) return true;
  while (true) {
    const absl::Status status = changes.empty() ? store_.Check() : store_.Commit(changes);
    if (status.ok()) {
      last_commit_ = Clock::now();
      if (!changes.empty()) callbacks_.stored(last_commit_ - began);
      SetStatus(status);
      return true;
    }
    if (absl::IsFailedPrecondition(status)) {
      callbacks_.lost(status);
      return false;
    }
    callbacks_.failed(status);
    SetStatus(status);
    MutexLock lock(mutex_);
    if (stopping_) return false;
    (void)changed_.WaitUntil(mutex_, Clock::now() + kTryAgain);
    if (stopping_) return false;
  }
}

}  // namespace probegate::broker
