// What one session owns of the probe, and its view of the registers. Plain data; only the lane's thread touches it,
// except `over`.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "probe/adi/access_attributes.h"
#include "probe/adi/registers.h"
#include "probe/probe.h"
#include "server/sharing/dp_state.h"
#include "server/sharing/posted_failure.h"
#include "server/sharing/raw_trail.h"
#include "server/sharing/swo_subscription.h"

namespace probegate {

// What a handle for the server's own memory interface stands for.
struct MemoryAccess {
  TargetSelect target;
  ApId ap = 0;
  adi::AccessAttributes attributes;

  bool operator==(const MemoryAccess&) const = default;
};

struct SessionState {
  // For messages: DescribeClient.
  std::string who;
  // The session has ended, so what is carried out for it is given up (server/sharing/work_bound.h). Set by any thread.
  std::atomic<bool> over = false;
  // The SharedProbe knows of it.
  bool joined = false;

  uint32_t open_count = 0;
  uint32_t connect_count = 0;

  bool holds_reset = false;
  std::optional<uint32_t> clock_hz;

  // The DP that this session has selected, with its own sequences or a write of TARGETSEL, and its view of each DP that
  // it has used.
  TargetSelect target_select;
  std::map<TargetSelect, SessionDp> dps;
  SessionDp& dp() { return dps[target_select]; }

  // Its own raw sequences, for as long as they matter.
  RawTrail trail;

  PostedFailure posted_failure;

  std::vector<MemoryAccess> memory_interfaces;  // by handle

  std::optional<SwoSubscription> swo;
};

// kNotOpen, with a message that names the probe, unless `session` has opened it, or connected it.
absl::Status RequireOpen(const SessionState& session, const ProbeInfo& probe);
absl::Status RequireConnected(const SessionState& session, const ProbeInfo& probe);

// CTRL/STAT as it appears to a session with the power requests `own`: of the wire's request and acknowledge bits, only
// its own are set.
constexpr uint32_t VisiblePower(uint32_t control_status, uint32_t own) {
  const uint32_t visible = own | (own << 1);  // each acknowledge bit lies above its request
  return control_status & (visible | ~adi::kPowerBits);
}

}  // namespace probegate
