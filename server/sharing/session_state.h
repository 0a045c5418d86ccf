// What one session owns of the probe, and its view of the registers. Plain data; only the lane's thread touches it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "probe/adi/registers.h"
#include "probe/probe.h"
#include "server/sharing/ap_state.h"
#include "server/sharing/posted_failure.h"
#include "server/sharing/swo_subscription.h"

namespace probegate {

struct SessionState {
  // For messages: DescribeClient.
  std::string who;
  // The SharedProbe knows of it.
  bool joined = false;

  uint32_t open_count = 0;
  uint32_t connect_count = 0;

  // What the session believes that the DP holds.
  uint32_t select = 0;
  uint32_t select1 = 0;

  // CDBGPWRUPREQ and CSYSPWRUPREQ, as this session asked for them.
  uint32_t power = 0;

  bool holds_reset = false;
  std::optional<uint32_t> clock_hz;

  // The target on a multi-drop wire that this session selected with its own sequences.
  std::optional<uint32_t> target_select;

  PostedFailure posted_failure;

  // The last AP read's value, which is what the session may find in RDBUFF.
  std::optional<uint32_t> last_ap_read;

  std::map<ApId, ApView> views;
  std::vector<ApId> memory_interfaces;  // by handle

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
