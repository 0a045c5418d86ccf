// How a debugging session ends: a row a cause.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace probegate {

enum class DebugEndCause : uint8_t {
  kGdbExited,    // by itself
  kGdbKilled,    // by a signal that was not ours
  kHalfClosed,   // the client said that it is done, and gdb did not end within a second
  kClientGone,   // it cancelled, or its connection is lost
  kBadConfig,    // the first message made no sense
  kBadMessage,   // a later one did not
  kInputLimit,   // more for gdb's standard input than it reads
  kRefused,      // too many sessions, or no thread for one more
  kStageFailed,  // a program that the session needs could not be started, or ended
  kProbeLost,    // the probe is gone, or the server, or somebody ended the gateway's session
  kTooLong,      // --max-time
  kIdle,         // --idle
  kStopping,     // probegate-debugd was asked to end
};

struct DebugEndRow {
  DebugEndCause cause;
  const char* name;       // in metrics and in the log
  absl::StatusCode code;  // with which the call ends, where the reason brings none
};
inline constexpr std::array<DebugEndRow, 13> kDebugEnds = {{
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
}};

inline const DebugEndRow& RowOf(DebugEndCause cause) { return kDebugEnds[static_cast<size_t>(cause)]; }

struct DebugEnd {
  DebugEndCause cause = DebugEndCause::kClientGone;
  absl::StatusCode code = absl::StatusCode::kCancelled;
  std::string reason;                // for a person; one line, then a tool's last lines where it was one
  std::optional<int> gdb_exit_code;  // where gdb ended by itself

  DebugEnd() = default;
  DebugEnd(DebugEndCause why, std::string text) : cause(why), code(RowOf(why).code), reason(std::move(text)) {}
  // With the status' own code and words.
  DebugEnd(DebugEndCause why, const absl::Status& status) : cause(why), code(status.code()), reason(status.message()) {}
};

}  // namespace probegate
