// Every metric of the server: one row each. `probe` is a probe's unique ID.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::rows {

// --- Probes
inline constexpr GaugeRow kProbeInfo{"probegate_probe_info",
                                     "1 for each probe that is present, or was in the last hour.",
                                     {"probe", "vendor", "product", "firmware"}};
inline constexpr GaugeRow kProbePresent{"probegate_probe_present", "Whether the probe is present.", {"probe"}};
inline constexpr GaugeRow kProbeState{
    "probegate_probe_state", "1 for the probe's current state, 0 for the others.", {"probe", "state"}};
inline constexpr CounterRow kProbeDisconnects{
    "probegate_probe_disconnects_total", "Times the probe was lost.", {"probe", "cause"}};

// --- Sessions
inline constexpr GaugeRow kSessions{"probegate_sessions", "Sessions on the probe.", {"probe"}};
inline constexpr CounterRow kSessionsOpened{
    "probegate_sessions_opened_total", "Sessions opened on the probe.", {"probe"}};
inline constexpr CounterRow kSessionsEnded{
    "probegate_sessions_ended_total", "Sessions on the probe that ended.", {"probe", "cause"}};

// --- The lock
inline constexpr GaugeRow kLockHeld{"probegate_lock_held", "Whether a session holds the probe's lock.", {"probe"}};
inline constexpr GaugeRow kLockWaiters{
    "probegate_lock_waiters", "Sessions whose next command waits for a lock held by another session.", {"probe"}};
inline constexpr CounterRow kLocksTaken{
    "probegate_locks_taken_total", "Times the lock was taken; nested locks are not counted.", {"probe"}};
inline constexpr CounterRow kLocksBroken{
    "probegate_locks_broken_total", "Times the lock was taken away from its holder.", {"probe"}};
inline constexpr CounterRow kLockHeldSeconds{
    "probegate_lock_held_seconds_total", "Seconds the lock was held, added when it is released.", {"probe"}};

// --- Commands
inline constexpr GaugeRow kQueueDepth{"probegate_queue_depth", "Commands waiting for their turn.", {"probe"}};
inline constexpr CounterRow kCommands{
    "probegate_commands_total", "Commands by outcome, over all probes.", {"command", "outcome"}};
inline constexpr CounterRow kCommandFailures{
    "probegate_command_failures_total", "Commands whose outcome was not ok.", {"probe"}};
inline constexpr HistogramRow kCommandWait{"probegate_command_wait_seconds",
                                           "Total time a command waited, for its turn and for other sessions' locks.",
                                           kLatencyBounds,
                                           {"probe"}};
inline constexpr HistogramRow kCommandWire{
    "probegate_command_wire_seconds",
    "Time from a command's turn to its answer, including the commands sent to the probe with it.",
    kLatencyBounds,
    {"probe"}};

// --- The wire
inline constexpr CounterRow kPackets{"probegate_packets_total", "Packets that the probe answered.", {"probe"}};
inline constexpr CounterRow kTransfers{"probegate_transfers_total", "Register transfers in these packets.", {"probe"}};
inline constexpr double kBatchCommandsBounds[] = {1, 2, 4, 8, 16, 32, 64};
inline constexpr HistogramRow kBatchCommands{
    "probegate_batch_commands", "Commands sent to the probe together.", kBatchCommandsBounds, {"probe"}};
inline constexpr CounterRow kProbeBytes{
    "probegate_probe_bytes_total", "Bytes of the packets to (out) and from (in) the probe.", {"probe", "direction"}};
inline constexpr CounterRow kWaits{
    "probegate_waits_total", "WAIT answers that outlasted the probe's own retries.", {"probe"}};
inline constexpr CounterRow kFaults{"probegate_faults_total", "FAULT answers of the target.", {"probe"}};
inline constexpr CounterRow kNoAcks{
    "probegate_no_acks_total", "Transfers that the target did not acknowledge.", {"probe"}};
inline constexpr CounterRow kSwoBytes{"probegate_swo_bytes_total", "Bytes of SWO that the probe captured.", {"probe"}};
inline constexpr CounterRow kSwoDroppedBytes{
    "probegate_swo_dropped_bytes_total", "Bytes of SWO that a session did not read in time.", {"probe"}};
inline constexpr CounterRow kSwoFaults{
    "probegate_swo_faults_total", "Times SWO data was lost or garbled on its way from the target.", {"probe", "cause"}};
inline constexpr CounterRow kRetries{
    "probegate_retries_total", "Attempts to resynchronize with the probe after a reply was lost.", {"probe"}};

}  // namespace probegate::rows
