// Lets clients take turns on the io threads.
//
// A connection may work for a moment. If it has more to do then, it waits for its next turn, and other clients are
// served first. All connections of one client together have one turn at a time, so it does not help to open many.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "gateway/net/net.h"

namespace probegate {

// The turns of one client's connections. Threads: any.
class ClientTurns : public std::enable_shared_from_this<ClientTurns> {
 public:
  // Whether a connection of the client waits for its turn.
  bool anyone_waits() const { return waits_.load(std::memory_order_relaxed); }

  // Posts `run` to `strand` when the connections that asked earlier have had their turn.
  void Ask(const Strand& strand, std::function<void()> run);

 private:
  struct Waiting {
    Strand strand;
    std::function<void()> run;
  };
  static void Post(const std::shared_ptr<ClientTurns>& self, Waiting next);
  void PassOn();

  std::atomic<bool> waits_{false};
  Mutex mutex_;
  bool posted_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

// The turns of all clients. Threads: any.
class Turns {
 public:
  // The turns of the client of this key (Peer::client). They exist for as long as someone holds them.
  std::shared_ptr<ClientTurns> Of(const std::string& client);

 private:
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<ClientTurns>> clients_ ABSL_GUARDED_BY(mutex_);
};

// One connection's turn. Threads: the strand.
class Turn {
 public:
  // How long a connection may work at a time. A single line may take longer.
  static constexpr std::chrono::microseconds kLength{50};

  // `wait` is called when the connection has to wait for its next turn. It must ask `turns` for it, and call Grant
  // when it comes.
  Turn(std::shared_ptr<ClientTurns> turns, std::function<void()> wait)
      : turns_(std::move(turns)), wait_(std::move(wait)) {}

  // To be called before each piece of work. If it returns false, the work has to wait for the next turn.
  [[nodiscard]] bool MayWork();
  // The connection has nothing to do for now. A turn that it has not used yet stays its own.
  void Rest() {
    if (state_ == State::kWorking) state_ = State::kResting;
  }
  // The connection's turn has come.
  void Grant() { state_ = State::kGranted; }

 private:
  enum class State : uint8_t { kResting, kGranted, kWorking, kWaiting };

  const std::shared_ptr<ClientTurns> turns_;
  const std::function<void()> wait_;
  State state_ = State::kResting;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace probegate
