// The metrics of probegate-debugd's sessions.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "debug/session_end.h"
#include "debug/session_groups.h"
#include "telemetry/metrics.h"

namespace probegate {

// Threads: any.
class DebugMetrics {
 public:
  enum StageNumber : size_t { kGateway, kGdbServer, kGdb };
  static constexpr std::array<const char*, 3> kStages = {"gateway", "gdbserver", "gdb"};

  struct Stage {
    Stage(MetricSet& metrics, const char* name);
    Counter starts;
    Counter failures;
    Histogram seconds;
  };

  // `metrics` must outlive this object.
  explicit DebugMetrics(MetricSet& metrics);

  const Counter& ended(DebugEndCause cause) const { return ended_[static_cast<size_t>(cause)]; }
  // Of a limit that has an event (GroupLimitRow::reached).
  const Counter& limits_reached(GroupLimit limit) const { return limits_reached_.at(limit); }

  const Gauge sessions;
  const Counter started;
  const std::vector<Stage> stages;  // by StageNumber
  const Counter bytes_in;
  const Counter bytes_out;
  const Counter upload_bytes;
  const Gauge uploads;
  const Gauge leftovers;

 private:
  std::vector<Counter> ended_;  // by cause
  std::map<GroupLimit, Counter> limits_reached_;
};

}  // namespace probegate
