#include "telemetry/quota_metrics.h"

namespace probegate {

// One limit: of all clients together, or of one.
struct QuotaMetrics::Row {
  Row(MetricSet& metrics, const Quota& which, std::string_view of, uint64_t max)
      : quota(which),
        limit(metrics, rows::kQuotaLimit, {which.name(), of}),
        used(metrics, rows::kQuotaUsed, {which.name(), of}),
        refusals(metrics, rows::kQuotaRefusals, {which.name(), of}) {
    limit.Set(static_cast<double>(max));
  }

  void Refresh(uint64_t taken, uint64_t refused) {
    used.Set(static_cast<double>(taken));
    refusals.Add(static_cast<double>(refused) - refusals.value());
  }

  const Quota& quota;
  Gauge limit;
  Gauge used;
  Counter refusals;
};

QuotaMetrics::QuotaMetrics(MetricSet& metrics, std::initializer_list<const Quota*> quotas) {
  for (const Quota* quota : quotas) {
    all_.emplace_back(metrics, *quota, "all", quota->limits().all);
    client_.emplace_back(metrics, *quota, "client", quota->limits().per_client);
  }
  metrics.BeforeExpose([this] { Refresh(); });
}

QuotaMetrics::~QuotaMetrics() = default;

void QuotaMetrics::Refresh() {
  for (Row& row : all_) {
    const Quota::Usage usage = row.quota.usage();
    row.Refresh(usage.taken, usage.refused_all);
  }
  for (Row& row : client_) {
    const Quota::Usage usage = row.quota.usage();
    row.Refresh(usage.largest, usage.refused_client);
  }
}

}  // namespace probegate
