#include "server/metrics/server_metrics.h"

#include <utility>

#include "server/commands/command_outcome.h"
#include "server/commands/command_table.h"
#include "server/metrics/metric_rows.h"

namespace probegate {
namespace {

CommandCounters MakeCommandCounters(MetricSet& metrics) {
  CommandCounters commands(CommandTable().size() + 1);
  for (size_t number = 0; number < commands.size(); ++number) {
    commands[number].reserve(OutcomeCount());
    for (size_t outcome = 0; outcome < OutcomeCount(); ++outcome) {
      commands[number].emplace_back(metrics, rows::kCommands, LabelValues{CommandName(number), OutcomeName(outcome)});
    }
  }
  return commands;
}

}  // namespace

ServerMetrics::ServerMetrics(MetricSet& metrics, std::function<Clock::time_point()> now)
    : metrics_(metrics), now_(std::move(now)), commands_(MakeCommandCounters(metrics)) {}

std::shared_ptr<ProbeMetrics> ServerMetrics::OnProbeHere(const v1::ProbeDescription& probe) {
  MutexLock lock(mutex_);
  DropExpiredLocked();
  Kept& kept = probes_[probe.unique_id()];
  kept.gone_at.reset();
  if (kept.metrics == nullptr) {
    kept.metrics = std::make_shared<ProbeMetrics>(metrics_, probe, commands_);
  } else {
    kept.metrics->SetInfo(probe);
  }
  return kept.metrics;
}

void ServerMetrics::OnProbeGone(const std::string& unique_id) {
  MutexLock lock(mutex_);
  const auto found = probes_.find(unique_id);
  if (found != probes_.end()) found->second.gone_at = now_();
}

void ServerMetrics::DropExpired() {
  MutexLock lock(mutex_);
  DropExpiredLocked();
}

void ServerMetrics::DropExpiredLocked() {
  const Clock::time_point now = now_();
  std::erase_if(probes_, [now](const auto& row) {
    const Kept& kept = row.second;
    // A lane may outlive its probe's presence and counts until its own end, so its metrics stay. The catalog uses them
    // only while it holds its own mutex, so a use count of one can rise only through OnProbeHere, which needs the mutex
    // held here.
    return kept.gone_at && now - *kept.gone_at >= kKeptFor && kept.metrics.use_count() == 1;
  });
}

}  // namespace probegate
