#include "access/limits.h"

namespace probegate {
namespace {

// A year. A duration of many centuries would not fit into nanoseconds, and become a negative one.
constexpr uint64_t kMostSeconds = 31'536'000;

constexpr LimitRow kRows[] = {
    {"sessions", &Limits::sessions},
    {"connections", &Limits::connections},
    {"uploads", &Limits::uploads},
    {"bytes", &Limits::bytes},
    {"lock-seconds", &Limits::lock_seconds, kMostSeconds},
    {"leases", &Limits::leases},
    {"lease-seconds", &Limits::lease_seconds, kMostSeconds},
    {"priority", &Limits::priority},
};

}  // namespace

absl::Span<const LimitRow> LimitRows() { return kRows; }

void Limits::Extend(const Limits& other) {
  for (const LimitRow& row : kRows) {
    const std::optional<uint64_t>& theirs = other.*row.value;
    std::optional<uint64_t>& ours = this->*row.value;
    if (theirs && (!ours || *ours < *theirs)) ours = theirs;
  }
}

}  // namespace probegate
