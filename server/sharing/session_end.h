// Why a session ended.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace probegate {

enum class SessionEndCause : uint8_t {
  kClosed,         // its client closed it, or left after it had closed the probe
  kClientGone,     // its client is gone and had left the probe open
  kIdle,           // no call came for its idle time-out
  kKicked,         // ended by another user
  kProbeGone,      // the probe is gone
  kServerStopped,  // the server is ending
  kDenied,         // the access file has changed, and no longer allows it
  kExpired,        // the token of its client has expired
};
// Their names in metrics and logs, by number.
inline constexpr std::array<std::string_view, 8> kSessionEndCauses = {
    "closed", "client_gone", "idle", "kicked", "probe_gone", "server_stopped", "denied", "expired"};

constexpr std::string_view SessionEndCauseName(SessionEndCause cause) {
  return kSessionEndCauses[static_cast<size_t>(cause)];
}

// An end that the session's client did not cause.
struct SessionEnd {
  SessionEndCause cause = SessionEndCause::kKicked;
  absl::Status why;  // what its client is told, never OK
};

}  // namespace probegate
