// How long leases last, and how long requests wait.
#pragma once

#include <chrono>
#include <cstdint>

namespace probegate::broker {

struct LeaseRules {
  std::chrono::milliseconds duration = std::chrono::minutes(30);       // if the client does not say
  std::chrono::milliseconds longest = std::chrono::hours(4);           // if the access file does not say
  std::chrono::milliseconds queue_timeout = std::chrono::minutes(30);  // if the client does not say
  // Without a command for so long, a lease ends if others wait for one of its probes.
  std::chrono::milliseconds idle = std::chrono::minutes(10);
  // How long before the end the holder is warned; but not before three quarters of the time are over.
  std::chrono::milliseconds warning = std::chrono::minutes(2);
  // For a client to come back after its connection broke.
  std::chrono::milliseconds grace = std::chrono::seconds(30);
  // For the servers to confirm a lease.
  std::chrono::milliseconds confirm = std::chrono::seconds(30);
  std::chrono::milliseconds rise = std::chrono::minutes(15);  // Scheduler::Settings
};

// Classes of priority that the access file can give are from 0 to this.
inline constexpr uint64_t kMostPriority = 9;

inline constexpr std::chrono::milliseconds kLeastDuration = std::chrono::seconds(1);
inline constexpr std::chrono::milliseconds kMostQueueTimeout = std::chrono::hours(24);

}  // namespace probegate::broker
