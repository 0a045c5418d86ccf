#include "server/grpc/turn_queue.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <vector>

#include "base/mutex.h"
#include "server/grpc/run_soon.h"

namespace probegate {

class TurnQueue::State {
 public:
  State(size_t most, Quota& quota) : at_once(most), memory(quota) {}

  struct Waiter {
    uint64_t bytes;
    std::optional<uint64_t> share;
    std::weak_ptr<void> owner;
    Ready ready;
  };
  struct Client {
    size_t having = 0;  // a turn
    std::deque<Waiter> waiting;
    bool awaits_room = false;  // of memory, for the first that waits
    size_t tidy_at = 64;       // how many may wait before those that have gone are dropped

    // Takes those that have gone out of the queue.
    std::deque<Waiter> Tidy() {
      std::deque<Waiter> all = std::exchange(waiting, {});
      const auto stays = [](const Waiter& waiter) { return !waiter.owner.expired(); };
      const auto leaving = std::stable_partition(all.begin(), all.end(), stays);
      std::move(all.begin(), leaving, std::back_inserter(waiting));
      all.erase(all.begin(), leaving);
      tidy_at = std::max<size_t>(64, 2 * waiting.size());
      return all;
    }
  };

  const size_t at_once;
  Quota& memory;

  Mutex mutex;
  std::map<std::string, Client> clients ABSL_GUARDED_BY(mutex);
};

TurnQueue::Turn& TurnQueue::Turn::operator=(Turn&& other) noexcept {
  if (this == &other) return *this;
  End();
  memory = std::move(other.memory);
  state_ = std::move(other.state_);
  client_ = std::move(other.client_);
  return *this;
}

void TurnQueue::Turn::End() {
  if (const auto state = std::move(state_)) Leave(state, client_);
}

TurnQueue::TurnQueue(size_t at_once, Quota& memory) : state_(std::make_shared<State>(at_once, memory)) {}

TurnQueue::~TurnQueue() = default;

void TurnQueue::Enter(const std::string& client, uint64_t bytes, std::optional<uint64_t> share,
                      std::weak_ptr<void> owner, Ready ready) {
  std::deque<State::Waiter> gone;
  {
    MutexLock lock(state_->mutex);
    State::Client& entry = state_->clients[client];
    entry.waiting.push_back({bytes, share, std::move(owner), std::move(ready)});
    if (entry.waiting.size() >= entry.tidy_at) gone = entry.Tidy();
  }
  GoOn(state_, client);
}

void TurnQueue::Leave(const std::shared_ptr<State>& state, const std::string& client) {
  {
    MutexLock lock(state->mutex);
    --state->clients[client].having;
  }
  GoOn(state, client);
}

void TurnQueue::GoOn(const std::shared_ptr<State>& state, const std::string& name) {
  std::vector<std::pair<State::Waiter, Turn>> next;
  std::vector<State::Waiter> gone;  // destroyed without the lock, as are the owners
  std::vector<std::shared_ptr<void>> owners;
  uint64_t awaited = 0;
  std::optional<uint64_t> share;
  {
    MutexLock lock(state->mutex);
    const auto found = state->clients.find(name);
    if (found == state->clients.end()) return;
    State::Client& client = found->second;
    while (!client.waiting.empty() && client.having < state->at_once && !client.awaits_room) {
      State::Waiter& first = client.waiting.front();
      auto owner = first.owner.lock();
      if (owner == nullptr) {
        gone.push_back(std::move(first));
        client.waiting.pop_front();
        continue;
      }
      owners.push_back(std::move(owner));
      Turn turn;
      if (first.bytes > 0) {
        auto memory = state->memory.Take(name, first.bytes, first.share);
        if (!memory.ok()) {
          client.awaits_room = true;
          awaited = first.bytes;
          share = first.share;
          break;
        }
        turn.memory = *std::move(memory);
      }
      ++client.having;
      turn.state_ = state;
      turn.client_ = name;
      next.emplace_back(std::move(first), std::move(turn));
      client.waiting.pop_front();
    }
    if (client.having == 0 && client.waiting.empty()) state->clients.erase(found);
  }
  for (auto& [waiter, turn] : next) waiter.ready(std::move(turn));
  if (awaited == 0) return;
  const auto retry = [weak = std::weak_ptr<State>(state), name] {
    RunSoon([weak, name] {
      const auto alive = weak.lock();
      if (alive == nullptr) return;
      {
        MutexLock lock(alive->mutex);
        if (const auto found = alive->clients.find(name); found != alive->clients.end()) {
          found->second.awaits_room = false;
        }
      }
      GoOn(alive, name);
    });
  };
  state->memory.WhenRoom(name, awaited, state, retry, share);
}

}  // namespace probegate
