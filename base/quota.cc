#include "base/quota.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace probegate {
namespace {

// `has` may be above the limit (TakeAnyway), and the sum may exceed 64 bits. Nothing always fits.
bool Fits(uint64_t has, uint64_t amount, uint64_t limit) {
  return amount == 0 || (has <= limit && amount <= limit - has);
}

}  // namespace

Quota::~Quota() = default;

Quota::Grant& Quota::Grant::operator=(Grant&& other) noexcept {
  if (this == &other) return *this;
  GiveBack();
  quota_ = std::exchange(other.quota_, nullptr);
  client_ = std::move(other.client_);
  amount_ = std::exchange(other.amount_, 0);
  return *this;
}

void Quota::Grant::GiveBack() {
  if (Quota* const quota = std::exchange(quota_, nullptr)) quota->GiveBack(client_, std::exchange(amount_, 0));
}

void Quota::Grant::ShrinkTo(uint64_t amount) {
  if (quota_ == nullptr || amount >= amount_) return;
  quota_->GiveBack(client_, std::exchange(amount_, amount) - amount);
}

uint64_t Quota::TakenBy(std::string_view client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? 0 : found->second;
}

bool Quota::FitsClient(std::string_view client, uint64_t amount, uint64_t share) const {
  const uint64_t has = TakenBy(client);
  return has == 0 || Fits(has, amount, share);
}

bool Quota::FitsAll(uint64_t amount) const { return Fits(usage_.taken, amount, limits_.all); }

void Quota::Add(std::string_view client, uint64_t amount) {
  if (amount == 0) return;
  usage_.taken += amount;
  const auto found = clients_.find(client);
  if (found == clients_.end()) {
    clients_.emplace(client, amount);
  } else {
    found->second += amount;
  }
}

absl::StatusOr<Quota::Grant> Quota::Take(std::string_view client, uint64_t amount, std::optional<uint64_t> share) {
  const uint64_t most = share.value_or(limits_.per_client);
  MutexLock lock(mutex_);
  if (!FitsClient(client, amount, most)) {
    ++usage_.refused_client;
    return absl::ResourceExhaustedError(absl::StrCat("the limit for the ", name_, " of one client is ", most, ", and ",
                                                     std::string(client), " has ", TakenBy(client)));
  }
  if (!FitsAll(amount)) {
    ++usage_.refused_all;
    return absl::ResourceExhaustedError(absl::StrCat("the limit for the ", name_, " of all clients together is ",
                                                     limits_.all, ", and ", usage_.taken, " are in use"));
  }
  Add(client, amount);
  return Grant(*this, std::string(client), amount);
}

Quota::Grant Quota::TakeAnyway(std::string_view client, uint64_t amount) {
  MutexLock lock(mutex_);
  Add(client, amount);
  return Grant(*this, std::string(client), amount);
}

void Quota::WhenRoom(std::string_view client, uint64_t amount, std::weak_ptr<void> owner, std::function<void()> retry,
                     std::optional<uint64_t> share) {
  const uint64_t most = share.value_or(limits_.per_client);
  {
    MutexLock lock(mutex_);
    if (!FitsClient(client, amount, most) || !FitsAll(amount)) {
      waiters_.push_back({std::string(client), amount, most, std::move(owner), std::move(retry)});
      return;
    }
  }
  retry();
}

void Quota::GiveBack(const std::string& client, uint64_t amount) {
  if (amount == 0) return;
  std::vector<Waiter> ready;
  {
    MutexLock lock(mutex_);
    usage_.taken -= amount;
    const auto found = clients_.find(client);
    found->second -= amount;
    if (found->second == 0) clients_.erase(found);
    ready = TakeReady();
  }
  for (Waiter& waiter : ready) {
    if (const auto owner = waiter.owner.lock()) waiter.retry();
  }
}

// The waiters that may try again, in the order in which they came, and those whose owner has gone: the caller drops
// them once the lock is free, because what they refer to may give back a grant.
std::vector<Quota::Waiter> Quota::TakeReady() {
  std::vector<Waiter> ready;
  std::vector<Waiter> staying;
  for (Waiter& waiter : waiters_) {
    const bool fits = FitsClient(waiter.client, waiter.amount, waiter.share) && FitsAll(waiter.amount);
    (fits || waiter.owner.expired() ? ready : staying).push_back(std::move(waiter));
  }
  waiters_ = std::move(staying);
  return ready;
}

Quota::Usage Quota::usage() const {
  MutexLock lock(mutex_);
  Usage usage = usage_;
  for (const auto& [client, taken] : clients_) usage.largest = std::max(usage.largest, taken);
  return usage;
}

uint64_t Quota::taken_by(std::string_view client) const {
  MutexLock lock(mutex_);
  return TakenBy(client);
}

}  // namespace probegate
