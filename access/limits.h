// How much an identity may have: `limits` of the rules in the access file.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/types/span.h"

namespace probegate {

// What no rule limits, the program's own limit per client bounds.
struct Limits {
  std::optional<uint64_t> sessions;       // at a time
  std::optional<uint64_t> connections;    // calls in progress that are not sessions
  std::optional<uint64_t> uploads;        // at a time
  std::optional<uint64_t> bytes;          // of memory for requests and answers, at a time
  std::optional<uint64_t> lock_seconds;   // for how long a lock may be held while others wait
  std::optional<uint64_t> leases;         // of probegate-broker, with the requests that wait, at a time
  std::optional<uint64_t> lease_seconds;  // for how long a lease may last
  std::optional<uint64_t> priority;       // the class that requests for leases begin with, from 0 to 9

  // Takes the limits of `other` that are larger, or that are missing here.
  void Extend(const Limits& other);
};

// One row per limit: its key in the access file, and the largest value that it may have there.
struct LimitRow {
  std::string_view key;
  std::optional<uint64_t> Limits::* value;
  uint64_t most = std::numeric_limits<uint64_t>::max();
};
absl::Span<const LimitRow> LimitRows();

}  // namespace probegate
