#include "server/metrics/probe_metrics.h"

#include <array>
#include <string_view>

#include "absl/types/span.h"
#include "server/metrics/metric_rows.h"

namespace probegate {
namespace {

struct StateRow {
  v1::ProbeState state;
  std::string_view name;
};
constexpr std::array<StateRow, 3> kStates = {{
    {v1::PROBE_STATE_IDLE, "idle"},
    {v1::PROBE_STATE_IN_USE, "in_use"},
    {v1::PROBE_STATE_AWAY, "away"},
}};

constexpr std::array<std::string_view, 3> kSwoFaultCauses = {"overrun", "garbled", "no_answer"};

std::vector<Gauge> StateGauges(MetricSet& metrics, const std::string& probe) {
  std::vector<Gauge> gauges;
  gauges.reserve(kStates.size());
  for (const StateRow& row : kStates) gauges.emplace_back(metrics, rows::kProbeState, LabelValues{probe, row.name});
  return gauges;
}

std::vector<Counter> CountersByCause(MetricSet& metrics, const CounterRow& row, const std::string& probe,
                                     absl::Span<const std::string_view> causes) {
  std::vector<Counter> counters;
  counters.reserve(causes.size());
  for (const std::string_view cause : causes) counters.emplace_back(metrics, row, LabelValues{probe, cause});
  return counters;
}

std::vector<OperationMetrics> Operations(const CommandCounters& commands, const Counter& failures,
                                         const Histogram& wait, const Histogram& wire) {
  std::vector<OperationMetrics> operations;
  operations.reserve(commands.size());
  for (const auto& outcomes : commands) {
    operations.push_back({.outcomes = outcomes, .wait = &wait, .work = &wire, .failures = &failures});
  }
  return operations;
}

uint64_t Whole(const Counter& counter) { return static_cast<uint64_t>(counter.value()); }

}  // namespace

ProbeMetrics::ProbeMetrics(MetricSet& metrics, const v1::ProbeDescription& probe, const CommandCounters& commands)
    : metrics_(metrics),
      unique_id_(probe.unique_id()),
      present_(metrics, rows::kProbePresent, {unique_id_}),
      states_(StateGauges(metrics, unique_id_)),
      sessions_(metrics, rows::kSessions, {unique_id_}),
      lock_held_(metrics, rows::kLockHeld, {unique_id_}),
      lock_waiters_(metrics, rows::kLockWaiters, {unique_id_}),
      queue_depth_(metrics, rows::kQueueDepth, {unique_id_}),
      sessions_opened_(metrics, rows::kSessionsOpened, {unique_id_}),
      sessions_ended_(CountersByCause(metrics, rows::kSessionsEnded, unique_id_, kSessionEndCauses)),
      locks_taken_(metrics, rows::kLocksTaken, {unique_id_}),
      locks_broken_(metrics, rows::kLocksBroken, {unique_id_}),
      lock_held_seconds_(metrics, rows::kLockHeldSeconds, {unique_id_}),
      command_failures_(metrics, rows::kCommandFailures, {unique_id_}),
      command_wait_(metrics, rows::kCommandWait, {unique_id_}),
      command_wire_(metrics, rows::kCommandWire, {unique_id_}),
      operations_(Operations(commands, command_failures_, command_wait_, command_wire_)),
      packets_(metrics, rows::kPackets, {unique_id_}),
      transfers_(metrics, rows::kTransfers, {unique_id_}),
      batch_commands_(metrics, rows::kBatchCommands, {unique_id_}),
      bytes_out_(metrics, rows::kProbeBytes, {unique_id_, "out"}),
      bytes_in_(metrics, rows::kProbeBytes, {unique_id_, "in"}),
      waits_(metrics, rows::kWaits, {unique_id_}),
      faults_(metrics, rows::kFaults, {unique_id_}),
      no_acks_(metrics, rows::kNoAcks, {unique_id_}),
      retries_(metrics, rows::kRetries, {unique_id_}),
      swo_bytes_(metrics, rows::kSwoBytes, {unique_id_}),
      swo_dropped_bytes_(metrics, rows::kSwoDroppedBytes, {unique_id_}),
      swo_faults_(CountersByCause(metrics, rows::kSwoFaults, unique_id_, kSwoFaultCauses)),
      disconnects_(CountersByCause(metrics, rows::kProbeDisconnects, unique_id_, kDisconnectCauses)) {
  SetInfo(probe);
}

void ProbeMetrics::SetInfo(const v1::ProbeDescription& probe) {
  MutexLock lock(mutex_);
  if (info_ && info_->vendor == probe.vendor_name() && info_->product == probe.product_name() &&
      info_->firmware == probe.firmware_version()) {
    return;
  }
  info_.reset();
  info_.emplace(Info{.vendor = probe.vendor_name(),
                     .product = probe.product_name(),
                     .firmware = probe.firmware_version(),
                     .gauge = {metrics_,
                               rows::kProbeInfo,
                               {unique_id_, probe.vendor_name(), probe.product_name(), probe.firmware_version()}}});
  info_->gauge.Set(1);
}

SwoCounters ProbeMetrics::swo_counters() const {
  return {.bytes = &swo_bytes_,
          .dropped = &swo_dropped_bytes_,
          .overruns = &swo_faults_[0],
          .garbled = &swo_faults_[1],
          .no_answer = &swo_faults_[2]};
}

void ProbeMetrics::OnLockFree(std::chrono::steady_clock::duration held) {
  lock_held_seconds_.Add(std::chrono::duration<double>(held).count());
}

void ProbeMetrics::OnPacket(size_t transfers, size_t bytes_out, size_t bytes_in) {
  packets_.Add();
  if (transfers > 0) transfers_.Add(static_cast<double>(transfers));
  bytes_out_.Add(static_cast<double>(bytes_out));
  bytes_in_.Add(static_cast<double>(bytes_in));
}

void ProbeMetrics::SetGauges(const ProbeStats& now) {
  const v1::ProbeState state = now.status.state();
  present_.Set(state == v1::PROBE_STATE_AWAY ? 0 : 1);
  for (size_t i = 0; i < kStates.size(); ++i) states_[i].Set(state == kStates[i].state ? 1 : 0);
  sessions_.Set(now.status.session_count());
  lock_held_.Set(now.lock_held ? 1 : 0);
  lock_waiters_.Set(static_cast<double>(now.lock_waiters));
  queue_depth_.Set(static_cast<double>(now.queue_depth));
}

void ProbeMetrics::AddTotals(ProbeStats& stats) const {
  stats.command_failures = Whole(command_failures_);
  stats.packets = Whole(packets_);
  stats.transfers = Whole(transfers_);
  stats.bytes_out = Whole(bytes_out_);
  stats.bytes_in = Whole(bytes_in_);
  stats.wait_acks = Whole(waits_);
  stats.fault_acks = Whole(faults_);
  stats.no_acks = Whole(no_acks_);
  stats.retries = Whole(retries_);
  stats.command_wait = command_wait_.snapshot();
  stats.command_wire = command_wire_.snapshot();
  stats.commands = stats.command_wire.count;
}

}  // namespace probegate
