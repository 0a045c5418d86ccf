// The metrics of probegate-debugd's sessions. docs/metrics.md explains them to users.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::rows {

inline constexpr GaugeRow kDebugSessions{"probegate_debug_sessions", "Debugging sessions at the moment."};
inline constexpr CounterRow kDebugSessionsStarted{"probegate_debug_sessions_started_total",
                                                  "Sessions that clients requested."};
inline constexpr CounterRow kDebugSessionsEnded{
    "probegate_debug_sessions_ended_total", "Sessions that ended, by cause.", {"cause"}};
inline constexpr CounterRow kDebugLimitsReached{
    "probegate_debug_limits_reached_total", "Sessions that reached a limit of their control group.", {"limit"}};
inline constexpr double kStageBounds[] = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
inline constexpr CounterRow kStageStarts{
    "probegate_debug_stage_starts_total", "Programs that were started for sessions.", {"stage"}};
inline constexpr CounterRow kStageFailures{
    "probegate_debug_stage_failures_total",
    "Programs that could not be started, were not ready in time, or ended while their session needed them.",
    {"stage"}};
inline constexpr HistogramRow kStageSeconds{
    "probegate_debug_stage_seconds", "Time from the start of a program until it was ready.", kStageBounds, {"stage"}};
inline constexpr CounterRow kDebugBytes{
    "probegate_debug_bytes_total", "Bytes sent to gdb (in) and received from it (out).", {"direction"}};
inline constexpr CounterRow kUploadBytes{"probegate_debug_upload_bytes_total",
                                         "Bytes of ELF files that were uploaded."};
inline constexpr GaugeRow kUploads{"probegate_debug_uploads",
                                   "ELF files that are being uploaded or waiting for their session."};

inline constexpr GaugeRow kLeftovers{"probegate_debug_leftovers",
                                     "Folders of ended sessions that are still being removed, or cannot be."};

}  // namespace probegate::rows
