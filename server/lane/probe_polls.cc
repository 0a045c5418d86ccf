#include "server/lane/probe_polls.h"

#include "absl/status/statusor.h"

namespace probegate {

absl::Status ProbePolls::Poll(bool presence_now) {
  absl::Status status = PollSwo();
  const bool due = Clock::now() >= next_presence_;
  if (status.ok() && (due || presence_now)) status = probe_.CheckPresent();
  if (due) next_presence_ = Clock::now() + presence_interval_;
  return status;
}

absl::Status ProbePolls::PollSwo() {
  if (!probe_.swo_active()) {
    next_swo_ = Clock::time_point::max();
    return absl::OkStatus();
  }
  if (next_swo_ == Clock::time_point::max()) next_swo_ = Clock::now() + swo_interval_;
  if (Clock::now() < next_swo_) return absl::OkStatus();
  const absl::StatusOr<bool> more = probe_.PollSwo();
  next_swo_ = Clock::now() + (more.value_or(false) ? Clock::duration::zero() : swo_interval_);
  return more.status();
}

void ProbePolls::Skip() {
  next_swo_ = Clock::time_point::max();
  if (Clock::now() >= next_presence_) next_presence_ = Clock::now() + presence_interval_;
}

}  // namespace probegate
