// What probegate-debugd counts of its sessions. docs/metrics.md explains each to users.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::rows {

inline constexpr GaugeRow kDebugSessions{"probegate_debug_sessions", "Debugging sessions now."};
inline constexpr CounterRow kDebugSessionsStarted{"probegate_debug_sessions_started_total",
                                                  "Sessions that were asked for."};
inline constexpr CounterRow kDebugSessionsEnded{
    "probegate_debug_sessions_ended_total", "Sessions that ended, by why.", {"cause"}};
inline constexpr double kStageBounds[] = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
inline constexpr CounterRow kStageStarts{
    "probegate_debug_stage_starts_total", "Programs that were started for sessions.", {"stage"}};
inline constexpr CounterRow kStageFailures{
    "probegate_debug_stage_failures_total",
    "Programs that could not be started, ended or went silent while their session needed them.",
    {"stage"}};
inline constexpr HistogramRow kStageSeconds{"probegate_debug_stage_seconds",
                                            "How long a program took from its start to being of use.",
                                            kStageBounds,
                                            {"stage"}};
inline constexpr CounterRow kDebugBytes{
    "probegate_debug_bytes_total", "Bytes to gdb (in) and from it (out).", {"direction"}};
inline constexpr CounterRow kUploadBytes{"probegate_debug_upload_bytes_total",
                                         "Bytes of ELF files that were uploaded."};
inline constexpr GaugeRow kUploads{"probegate_debug_uploads",
                                   "Uploaded ELF files that wait for their session, or are being sent."};

}  // namespace probegate::rows
