// The order in which the calls of one client get something that only a few of them may have at a time: a turn, and
// memory with it.
//
// Each client has a queue of its own, so that it only waits for itself, and for memory that all clients share
// (base/quota.h). Calls get their turns in the order in which they came.
//
// Threads: any. `ready` is called on the thread of Enter, of the end of another turn, or on one of gRPC's, without a
// lock held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "base/quota.h"

namespace probegate {

class TurnQueue {
 public:
  class State;

  // What a call gets. Gives itself back when it is destroyed.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&& other) noexcept;
    ~Turn() { End(); }

    // The client's next call may have its turn. `memory` stays.
    void End();

    Quota::Grant memory;

   private:
    friend class TurnQueue;
    std::shared_ptr<State> state_;
    std::string client_;
  };
  using Ready = absl::AnyInvocable<void(Turn turn)>;

  // At most `at_once` calls of a client have a turn at the same time. `memory` must outlive this.
  TurnQueue(size_t at_once, Quota& memory);
  ~TurnQueue();

  // Calls `ready` once a call of `client` may have a turn, with `bytes` of memory. A call whose `owner` has gone loses
  // its place. `share`: as for Quota::Take.
  void Enter(const std::string& client, uint64_t bytes, std::optional<uint64_t> share, std::weak_ptr<void> owner,
             Ready ready);

 private:
  static void Leave(const std::shared_ptr<State>& state, const std::string& client);
  static void GoOn(const std::shared_ptr<State>& state, const std::string& client);

  const std::shared_ptr<State> state_;
};

}  // namespace probegate
