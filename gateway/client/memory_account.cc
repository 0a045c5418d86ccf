#include "gateway/client/memory_account.h"

#include <utility>

namespace probegate {
namespace {

// Memory is taken in steps, so that the quota is not asked for each request.
constexpr uint64_t kStep = uint64_t{64} << 10;
// What may be kept in reserve.
constexpr uint64_t kReserve = 2 * kStep;

uint64_t RoundUp(uint64_t bytes) { return (bytes + kStep - 1) / kStep * kStep; }

}  // namespace

MemoryAccount::MemoryAccount(Quota& quota, std::string client)
    : quota_(quota), client_(std::move(client)), granted_(kOwnBytes) {
  grants_.push_back(quota_.TakeAnyway(client_, kOwnBytes));
}

uint64_t MemoryAccount::Missing(uint64_t bytes) const { return bytes <= granted_ ? 0 : RoundUp(bytes - granted_); }

bool MemoryAccount::Hold(uint64_t bytes) {
  const uint64_t missing = Missing(bytes);
  if (missing == 0) return true;
  auto grant = quota_.Take(client_, missing);
  if (!grant.ok()) return false;
  grants_.push_back(*std::move(grant));
  granted_ += missing;
  return true;
}

void MemoryAccount::Settle(uint64_t bytes) {
  if (const uint64_t missing = Missing(bytes); missing > 0) {
    grants_.push_back(quota_.TakeAnyway(client_, missing));
    granted_ += missing;
  }
  if (granted_ <= bytes + kReserve) return;
  uint64_t excess = granted_ - bytes;
  while (grants_.size() > 1 && excess > 0) {
    Quota::Grant& last = grants_.back();
    const uint64_t amount = last.amount();
    if (amount <= excess) {
      grants_.pop_back();
      granted_ -= amount;
      excess -= amount;
    } else {
      last.ShrinkTo(amount - excess);
      granted_ -= excess;
      excess = 0;
    }
  }
}

bool MemoryAccount::MayEverHold(uint64_t bytes) const {
  const QuotaLimits& limits = quota_.limits();
  const uint64_t most = RoundUp(bytes);
  return most <= limits.per_client && most <= limits.all;
}

void MemoryAccount::WhenRoom(uint64_t bytes, std::weak_ptr<void> owner, std::function<void()> retry) {
  quota_.WhenRoom(client_, Missing(bytes), std::move(owner), std::move(retry));
}

}  // namespace probegate
