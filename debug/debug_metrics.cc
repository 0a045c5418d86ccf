#include "debug/debug_metrics.h"

#include "debug/metric_rows.h"

namespace probegate {
namespace {

std::vector<DebugMetrics::Stage> MakeStages(MetricSet& metrics) {
  std::vector<DebugMetrics::Stage> stages;
  for (const char* name : DebugMetrics::kStages) stages.emplace_back(metrics, name);
  return stages;
}

}  // namespace

DebugMetrics::Stage::Stage(MetricSet& metrics, const char* name)
    : starts(metrics, rows::kStageStarts, {name}),
      failures(metrics, rows::kStageFailures, {name}),
      seconds(metrics, rows::kStageSeconds, {name}) {}

DebugMetrics::DebugMetrics(MetricSet& metrics)
    : sessions(metrics, rows::kDebugSessions),
      started(metrics, rows::kDebugSessionsStarted),
      stages(MakeStages(metrics)),
      bytes_in(metrics, rows::kDebugBytes, {"in"}),
      bytes_out(metrics, rows::kDebugBytes, {"out"}),
      upload_bytes(metrics, rows::kUploadBytes),
      uploads(metrics, rows::kUploads),
      leftovers(metrics, rows::kLeftovers) {
  for (const DebugEndRow& row : kDebugEnds)
    ended_.emplace_back(metrics, rows::kDebugSessionsEnded, LabelValues{row.name});
  for (const GroupLimitRow& row : kGroupLimits) {
    if (row.reached == nullptr) continue;
    limits_reached_.try_emplace(row.limit, metrics, rows::kDebugLimitsReached, LabelValues{row.name});
  }
}

}  // namespace probegate
