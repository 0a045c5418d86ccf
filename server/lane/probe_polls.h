// What a lane asks its probe regularly, without a command: whether it is still present, and what SWO it has captured.
//
// Threads: the lane's. Poll blocks for as long as the probe takes.
#pragma once

#include <algorithm>
#include <chrono>

#include "absl/status/status.h"
#include "server/sharing/shared_probe.h"

namespace probegate {

class ProbePolls {
 public:
  using Clock = std::chrono::steady_clock;

  // `presence` and `swo` are the times from one question to the next. `probe` must outlive this.
  ProbePolls(SharedProbe& probe, std::chrono::milliseconds presence, std::chrono::milliseconds swo,
             Clock::time_point now)
      : probe_(probe), presence_interval_(presence), swo_interval_(swo), next_presence_(now + presence) {}

  // When Poll, or Skip, is to be called next.
  Clock::time_point next() const { return std::min(next_presence_, next_swo_); }

  // Asks what is due, and for the probe's presence also if `presence_now`. Returns the first error.
  absl::Status Poll(bool presence_now);
  // Instead of Poll once the probe is gone: asks nothing.
  void Skip();

 private:
  absl::Status PollSwo();

  SharedProbe& probe_;
  const std::chrono::milliseconds presence_interval_;
  const std::chrono::milliseconds swo_interval_;
  Clock::time_point next_presence_;
  Clock::time_point next_swo_ = Clock::time_point::max();  // while nothing is captured
};

}  // namespace probegate
