// How a debugging session ends: one row per cause.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace probegate {

enum class DebugEndCause : uint8_t {
  kGdbExited,    // gdb exited by itself
  kGdbKilled,    // gdb was ended by a signal that this program did not send
  kHalfClosed,   // the client closed its side of the stream, and gdb did not end within a second
  kClientGone,   // the client cancelled the call, or its connection is lost
  kBadConfig,    // the first message is invalid
  kBadMessage,   // a later message is invalid
  kInputLimit,   // too much input is waiting for gdb
  kRefused,      // too many sessions, or no thread could be started
  kStageFailed,  // a program that the session needs could not be started, or ended
  kProbeLost,    // the probe or its server is gone, or another user ended the gateway's session
  kTooLong,      // --max-time
  kIdle,         // --idle
  kStopping,     // probegate-debugd is shutting down
  kDenied,       // the client may not debug on the probe, or not any longer
  kExpired,      // the token of the client has expired
};

struct DebugEndRow {
  DebugEndCause cause;
  const char* name;       // in metrics and in the log
  absl::StatusCode code;  // the call's status, unless the reason has one of its own
};
inline constexpr std::array<DebugEndRow, 15> kDebugEnds = {{
    {DebugEndCause::kGdbExited, "gdb_exited", absl::StatusCode::kOk},
    {DebugEndCause::kGdbKilled, "gdb_killed", absl::StatusCode::kAborted},
    {DebugEndCause::kHalfClosed, "half_closed", absl::StatusCode::kDeadlineExceeded},
    {DebugEndCause::kClientGone, "client_gone", absl::StatusCode::kCancelled},
    {DebugEndCause::kBadConfig, "bad_config", absl::StatusCode::kInvalidArgument},
    {DebugEndCause::kBadMessage, "bad_message", absl::StatusCode::kInvalidArgument},
    {DebugEndCause::kInputLimit, "input_limit", absl::StatusCode::kResourceExhausted},
    {DebugEndCause::kRefused, "refused", absl::StatusCode::kResourceExhausted},
    {DebugEndCause::kStageFailed, "stage_failed", absl::StatusCode::kUnavailable},
    {DebugEndCause::kProbeLost, "probe_lost", absl::StatusCode::kUnavailable},
    {DebugEndCause::kTooLong, "too_long", absl::StatusCode::kDeadlineExceeded},
    {DebugEndCause::kIdle, "idle", absl::StatusCode::kDeadlineExceeded},
    {DebugEndCause::kStopping, "stopping", absl::StatusCode::kUnavailable},
    {DebugEndCause::kDenied, "denied", absl::StatusCode::kPermissionDenied},
    {DebugEndCause::kExpired, "expired", absl::StatusCode::kUnauthenticated},
}};

inline const DebugEndRow& RowOf(DebugEndCause cause) { return kDebugEnds[static_cast<size_t>(cause)]; }

struct DebugEnd {
  DebugEndCause cause = DebugEndCause::kClientGone;
  absl::StatusCode code = absl::StatusCode::kCancelled;
  std::string reason;                // for a person; one line, which the last output of a program may follow
  std::optional<int> gdb_exit_code;  // if gdb exited by itself

  DebugEnd() = default;
  DebugEnd(DebugEndCause why, std::string text) : cause(why), code(RowOf(why).code), reason(std::move(text)) {}
  // With the status's own code and message.
  DebugEnd(DebugEndCause why, const absl::Status& status) : cause(why), code(status.code()), reason(status.message()) {}
};

}  // namespace probegate
