// Every metric of the server: one row each. `probe` is a probe's unique id.
#pragma once

#include "telemetry/metrics.h"

namespace probegate::rows {

// --- Probes
inline constexpr GaugeRow kProbeInfo{"probegate_probe_info",
                                     "1 for each probe that is there, or was in the last hour.",
                                     {"probe", "vendor", "product", "firmware"}};
inline constexpr GaugeRow kProbePresent{"probegate_probe_present", "Whether the probe is there.", {"probe"}};
inline constexpr GaugeRow kProbeState{
    "probegate_probe_state", "1 for the state that the probe is in, 0 for the others.", {"probe", "state"}};
inline constexpr CounterRow kProbeDisconnects{
    "probegate_probe_disconnects_total", "Times that the probe was lost.", {"probe", "cause"}};

// --- Sessions
inline constexpr GaugeRow kSessions{"probegate_sessions", "Sessions on the probe.", {"probe"}};
inline constexpr CounterRow kSessionsOpened{
    "probegate_sessions_opened_total", "Sessions that were opened on the probe.", {"probe"}};
inline constexpr CounterRow kSessionsEnded{
    "probegate_sessions_ended_total", "Sessions on the probe that ended.", {"probe", "cause"}};

// --- The lock
inline constexpr GaugeRow kLockHeld{"probegate_lock_held", "Whether a session holds the probe's lock.", {"probe"}};
inline constexpr GaugeRow kLockWaiters{
    "probegate_lock_waiters", "Sessions whose next command waits for another's lock.", {"probe"}};
inline constexpr CounterRow kLocksTaken{
    "probegate_locks_taken_total", "Times that a session that did not hold the lock took it.", {"probe"}};
inline constexpr CounterRow kLocksBroken{
    "probegate_locks_broken_total", "Times that the lock was taken away from its holder.", {"probe"}};
inline constexpr CounterRow kLockHeldSeconds{
    "probegate_lock_held_seconds_total", "Seconds that the lock was held, counted at its end.", {"probe"}};

// --- Commands
inline constexpr GaugeRow kQueueDepth{"probegate_queue_depth", "Commands that wait for their turn.", {"probe"}};
inline constexpr CounterRow kCommands{
    "probegate_commands_total", "Commands by how they ended, on all probes.", {"command", "outcome"}};
inline constexpr CounterRow kCommandFailures{
    "probegate_command_failures_total", "Commands that did not end well, whatever they were.", {"probe"}};
inline constexpr HistogramRow kCommandWait{"probegate_command_wait_seconds",
                                           "How long a command waited in all, for its turn and for others' locks.",
                                           kLatencyBounds,
                                           {"probe"}};
inline constexpr HistogramRow kCommandWire{"probegate_command_wire_seconds",
                                           "How long a command and what went with it took from its turn to its answer.",
                                           kLatencyBounds,
                                           {"probe"}};

// --- The wire
inline constexpr CounterRow kPackets{"probegate_packets_total", "Packets that the probe answered.", {"probe"}};
inline constexpr CounterRow kTransfers{"probegate_transfers_total", "Register transfers in these packets.", {"probe"}};
inline constexpr double kBatchCommandsBounds[] = {1, 2, 4, 8, 16, 32, 64};
inline constexpr HistogramRow kBatchCommands{
    "probegate_batch_commands", "Commands that went to the probe together.", kBatchCommandsBounds, {"probe"}};
inline constexpr CounterRow kProbeBytes{
    "probegate_probe_bytes_total", "Bytes of the packets to (out) and from (in) the probe.", {"probe", "direction"}};
inline constexpr CounterRow kWaits{
    "probegate_waits_total", "WAIT answers that outlasted the probe's own retries.", {"probe"}};
inline constexpr CounterRow kFaults{"probegate_faults_total", "FAULT answers of the target.", {"probe"}};
inline constexpr CounterRow kNoAcks{"probegate_no_acks_total", "Transfers that the target did not answer.", {"probe"}};
inline constexpr CounterRow kSwoBytes{"probegate_swo_bytes_total", "Bytes of SWO that the probe captured.", {"probe"}};
inline constexpr CounterRow kSwoDroppedBytes{
    "probegate_swo_dropped_bytes_total", "Bytes of SWO that a session did not read in time.", {"probe"}};
inline constexpr CounterRow kSwoFaults{
    "probegate_swo_faults_total", "Times that SWO was lost on its way from the target.", {"probe", "cause"}};
inline constexpr CounterRow kRetries{
    "probegate_retries_total", "Tries to find the place again after a reply was lost.", {"probe"}};

}  // namespace probegate::rows
