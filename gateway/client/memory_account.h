// What one connection holds in memory, within the gateway's quota of memory (base/quota.h).
//
// Each connection may hold kOwnBytes without asking. That is enough for what clients usually do, so most requests cost
// a comparison and no lock. Everything above that is taken from the quota before the memory is used. What does not fit
// waits, and meanwhile the client's socket is not read.
//
// Nothing can wait for itself: a request is only taken if all that it needs until its reply has been sent fits, and a
// line only grows beyond kShortLine if the longest line and its request would fit. So what a waiting connection holds
// comes free without any further memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/quota.h"

namespace probegate {

// Threads: one at a time. `retry` of WhenRoom is called on any thread.
class MemoryAccount {
 public:
  // Held by each connection: taken when it begins, even if that exceeds the quota.
  static constexpr uint64_t kOwnBytes = uint64_t{32} << 10;
  // The buffer for lines that are not taken from the quota one by one.
  static constexpr uint64_t kShortLine = uint64_t{16} << 10;

  // `quota` must outlive the account. `client` is the key of the client (Peer::client).
  MemoryAccount(Quota& quota, std::string client);

  // Makes sure that the connection may hold `bytes` in all. False if what is missing does not fit now.
  [[nodiscard]] bool Hold(uint64_t bytes);
  // The connection holds `bytes` in all, whether or not they were asked for: gives back what is not needed.
  void Settle(uint64_t bytes);

  // Whether Hold(bytes) can ever succeed.
  bool MayEverHold(uint64_t bytes) const;
  // Calls `retry` once as soon as Hold(bytes) may succeed, unless `owner` has gone.
  void WhenRoom(uint64_t bytes, std::weak_ptr<void> owner, std::function<void()> retry);

 private:
  uint64_t Missing(uint64_t bytes) const;

  Quota& quota_;
  const std::string client_;
  std::vector<Quota::Grant> grants_;  // the first is kOwnBytes
  uint64_t granted_ = 0;
};

}  // namespace probegate
