// How much of something all clients together, and each client, may have: connections, sessions, bytes in memory.
//
// A program has one Quota for each thing that it bounds. Whoever needs some of it for a client takes a grant, which
// gives itself back when it is destroyed. What one client cannot get, because it has its share already, stays there for
// the others.
//
//   Quota sessions("sessions", {.all = 1024, .per_client = 128});
//   auto grant = sessions.Take(peer.client, 1);
//   if (!grant.ok()) return grant.status();
//
// Threads: any; nothing blocks. Callbacks are called on the thread that gives a grant back, without a lock held.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace probegate {

struct QuotaLimits {
  uint64_t all = 0;         // of all clients together
  uint64_t per_client = 0;  // of each client
};

class Quota {
 public:
  // An amount that a client has. Empty if it was default-constructed, moved from or given back.
  class Grant {
   public:
    Grant() = default;
    Grant(Grant&& other) noexcept { *this = std::move(other); }
    Grant& operator=(Grant&& other) noexcept;
    ~Grant() { GiveBack(); }

    explicit operator bool() const { return quota_ != nullptr; }
    uint64_t amount() const { return amount_; }
    void GiveBack();
    // Gives back what exceeds `amount`; does nothing if the grant is not larger.
    void ShrinkTo(uint64_t amount);

   private:
    friend class Quota;
    Grant(Quota& quota, std::string client, uint64_t amount)
        : quota_(&quota), client_(std::move(client)), amount_(amount) {}
    Quota* quota_ = nullptr;
    std::string client_;
    uint64_t amount_ = 0;
  };

  // `name` is what the quota counts, a plural, for messages and as the value of a metric's label. The quota must
  // outlive its grants.
  Quota(std::string name, const QuotaLimits& limits) : name_(std::move(name)), limits_(limits) {}
  ~Quota();
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;

  // Takes `amount` for the client of this key (Peer::client). RESOURCE_EXHAUSTED, with a message that says whose limit
  // it is, if the client would then have more than its share, or all clients more than all. A client that has nothing
  // gets an amount above its share, if it fits into the limit for all. An amount of 0 always fits.
  // `share`, if given, is this client's instead of that of all.
  absl::StatusOr<Grant> Take(std::string_view client, uint64_t amount, std::optional<uint64_t> share = std::nullopt);

  // Takes `amount` even if it does not fit: for what is there already. Not counted as a refusal.
  Grant TakeAnyway(std::string_view client, uint64_t amount);

  // Calls `retry` once, as soon as `amount` fits; at once if it fits already. Another thread may then be faster, so
  // that Take is refused all the same; the caller then calls this again. A `retry` whose `owner` has gone is dropped.
  // `share` as for Take.
  void WhenRoom(std::string_view client, uint64_t amount, std::weak_ptr<void> owner, std::function<void()> retry,
                std::optional<uint64_t> share = std::nullopt);

  struct Usage {
    uint64_t taken = 0;
    uint64_t largest = 0;         // what the client with the most has
    uint64_t refused_client = 0;  // how often Take was refused because of a client's share
    uint64_t refused_all = 0;     // how often Take was refused because of the limit for all
  };
  Usage usage() const;
  uint64_t taken_by(std::string_view client) const;

  const std::string& name() const { return name_; }
  const QuotaLimits& limits() const { return limits_; }

 private:
  struct Waiter {
    std::string client;
    uint64_t amount;
    uint64_t share;
    std::weak_ptr<void> owner;
    std::function<void()> retry;
  };

  void GiveBack(const std::string& client, uint64_t amount);
  uint64_t TakenBy(std::string_view client) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool FitsClient(std::string_view client, uint64_t amount, uint64_t share) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool FitsAll(uint64_t amount) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(std::string_view client, uint64_t amount) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Waiter> TakeReady() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string name_;
  const QuotaLimits limits_;

  mutable Mutex mutex_;
  Usage usage_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t, std::less<>> clients_ ABSL_GUARDED_BY(mutex_);  // those that have something
  std::vector<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
