#include "gateway/client/turns.h"

#include <optional>
#include <utility>

#include "asio/post.hpp"

namespace probegate {

void ClientTurns::Ask(const Strand& strand, std::function<void()> run) {
  Waiting next{.strand = strand, .run = std::move(run)};
  {
    const MutexLock lock(mutex_);
    waits_.store(true, std::memory_order_relaxed);
    if (std::exchange(posted_, true)) {
      waiting_.push_back(std::move(next));
      return;
    }
  }
  Post(shared_from_this(), std::move(next));
}

void ClientTurns::Post(const std::shared_ptr<ClientTurns>& self, Waiting next) {
  asio::post(next.strand, [self, run = std::move(next.run)] {
    run();
    self->PassOn();
  });
}

// The next one is posted only now, after everything that has come in meanwhile from other clients.
void ClientTurns::PassOn() {
  std::optional<Waiting> next;
  {
    const MutexLock lock(mutex_);
    posted_ = !waiting_.empty();
    waits_.store(posted_, std::memory_order_relaxed);
    if (!posted_) return;
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  Post(shared_from_this(), *std::move(next));
}

std::shared_ptr<ClientTurns> Turns::Of(const std::string& client) {
  const MutexLock lock(mutex_);
  std::erase_if(clients_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<ClientTurns>& known = clients_[client];
  auto turns = known.lock();
  if (!turns) {
    turns = std::make_shared<ClientTurns>();
    known = turns;
  }
  return turns;
}

bool Turn::MayWork() {
  switch (state_) {
    case State::kWaiting:
      return false;
    case State::kResting:
      if (turns_->anyone_waits()) break;
      [[fallthrough]];
    case State::kGranted:
      state_ = State::kWorking;
      end_ = std::chrono::steady_clock::now() + kLength;
      return true;
    case State::kWorking:
      if (std::chrono::steady_clock::now() < end_) return true;
      break;
  }
  state_ = State::kWaiting;
  wait_();
  return false;
}

}  // namespace probegate
