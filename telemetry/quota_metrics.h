// Shows the limits of a program (base/quota.h) in its metrics.
//
// All programs have the same rows, so that one alert covers every limit.
#pragma once

#include <initializer_list>
#include <list>

#include "base/quota.h"
#include "telemetry/metrics.h"

namespace probegate {

namespace rows {

inline constexpr GaugeRow kQuotaLimit{
    "probegate_quota_limit", "What all clients together (all), or one client (client), may have.", {"quota", "of"}};
inline constexpr GaugeRow kQuotaUsed{
    "probegate_quota_used",
    "What all clients together have (all), and what the client with the most has (client).",
    {"quota", "of"}};
inline constexpr CounterRow kQuotaRefusals{
    "probegate_quota_refusals_total",
    "Times a client did not get what it asked for, because of the limit of all clients together (all) or of one client "
    "(client).",
    {"quota", "of"}};

}  // namespace rows

// Threads: any. It must outlive every Expose of the metrics, and its quotas must outlive it.
class QuotaMetrics {
 public:
  QuotaMetrics(MetricSet& metrics, std::initializer_list<const Quota*> quotas);
  ~QuotaMetrics();
  QuotaMetrics(const QuotaMetrics&) = delete;
  QuotaMetrics& operator=(const QuotaMetrics&) = delete;

 private:
  struct Row;
  void Refresh();
  std::list<Row> all_;
  std::list<Row> client_;
};

}  // namespace probegate
