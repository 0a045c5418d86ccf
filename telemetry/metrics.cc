#include "telemetry/metrics.h"

#include <map>
#include <stdexcept>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

namespace probegate {
namespace {

template <typename Row>
prometheus::Labels Join(const Row& row, LabelValues values) {
  prometheus::Labels labels;
  for (const std::string_view value : values) {
    if (labels.size() == row.labels.size() || row.labels[labels.size()] == nullptr) break;
    labels.emplace(row.labels[labels.size()], value);
  }
  const bool all_named = labels.size() == row.labels.size() || row.labels[labels.size()] == nullptr;
  if (labels.size() != values.size() || !all_named) {
    throw std::logic_error(std::string(row.name) + ": the number of label values differs from the number of labels");
  }
  return labels;
}

prometheus::Counter& Make(prometheus::Family<prometheus::Counter>& family, const CounterRow&,
                          const prometheus::Labels& labels) {
  return family.Add(labels);
}
prometheus::Gauge& Make(prometheus::Family<prometheus::Gauge>& family, const GaugeRow&,
                        const prometheus::Labels& labels) {
  return family.Add(labels);
}
prometheus::Histogram& Make(prometheus::Family<prometheus::Histogram>& family, const HistogramRow& row,
                            const prometheus::Labels& labels) {
  return family.Add(labels, prometheus::Histogram::BucketBoundaries(row.bounds.begin(), row.bounds.end()));
}

}  // namespace

// All metric families; each is created with its first series. It does what prometheus-cpp's registry does, but
// serializes one family at a time: the registry copies all values at once, which would cost each program megabytes that
// are never returned to the system.
class MetricSet::Families {
 public:
  template <typename Metric, typename Row>
  prometheus::Family<Metric>& Find(const Row& row) {
    MutexLock lock(mutex_);
    auto found = by_name_.find(row.name);
    if (found == by_name_.end()) {
      found =
          by_name_.emplace(row.name, std::make_unique<prometheus::Family<Metric>>(row.name, row.help, Labels())).first;
    }
    auto* const typed = dynamic_cast<prometheus::Family<Metric>*>(found->second.get());
    if (typed == nullptr)
      throw std::logic_error(std::string(row.name) + ": two rows of different kinds have this name");
    return *typed;
  }

  std::string Expose() const {
    MutexLock lock(mutex_);
    std::string text;
    for (const auto& [name, family] : by_name_) text += prometheus::TextSerializer().Serialize(family->Collect());
    return text;
  }

 private:
  using Labels = prometheus::Labels;

  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<prometheus::Collectable>> by_name_ ABSL_GUARDED_BY(mutex_);
};

MetricSet::MetricSet() : families_(std::make_unique<Families>()) {}

MetricSet::~MetricSet() = default;

void MetricSet::BeforeExpose(std::function<void()> refresh) {
  MutexLock lock(mutex_);
  refreshes_.push_back(std::move(refresh));
}

std::string MetricSet::Expose() {
  MutexLock lock(mutex_);
  for (const auto& refresh : refreshes_) refresh();
  return families_->Expose();
}

template <typename Metric>
template <typename Row>
Series<Metric>::Series(MetricSet& set, const Row& row, LabelValues values)
    : family_(&set.families_->Find<Metric>(row)) {
  const prometheus::Labels labels = Join(row, values);
  if (family_->Has(labels))
    throw std::logic_error(std::string(row.name) + ": a series with these labels already exists");
  metric_ = &Make(*family_, row, labels);
}

template <typename Metric>
Series<Metric>::Series(Series&& other) noexcept
    : family_(other.family_), metric_(std::exchange(other.metric_, nullptr)) {}

template <typename Metric>
Series<Metric>& Series<Metric>::operator=(Series&& other) noexcept {
  std::swap(family_, other.family_);
  std::swap(metric_, other.metric_);
  return *this;
}

template <typename Metric>
Series<Metric>::~Series() {
  if (metric_ != nullptr) family_->Remove(metric_);
}

template class Series<prometheus::Counter>;
template class Series<prometheus::Gauge>;
template class Series<prometheus::Histogram>;

Counter::Counter(MetricSet& set, const CounterRow& row, LabelValues values) : Series(set, row, values) {}
void Counter::Add(double by) const { metric_->Increment(by); }
double Counter::value() const { return metric_->Value(); }

Gauge::Gauge(MetricSet& set, const GaugeRow& row, LabelValues values) : Series(set, row, values) {}
void Gauge::Set(double value) const { metric_->Set(value); }
void Gauge::Add(double by) const { metric_->Increment(by); }

Histogram::Histogram(MetricSet& set, const HistogramRow& row, LabelValues values) : Series(set, row, values) {}
void Histogram::Observe(double value) const { metric_->Observe(value); }

Histogram::Snapshot Histogram::snapshot() const {
  const prometheus::ClientMetric::Histogram now = metric_->Collect().histogram;
  Snapshot result{.bounds = {}, .buckets = {}, .count = now.sample_count, .sum = now.sample_sum};
  uint64_t before = 0;
  for (const auto& bucket : now.bucket) {
    if (result.bounds.size() + 1 < now.bucket.size()) result.bounds.push_back(bucket.upper_bound);
    result.buckets.push_back(bucket.cumulative_count - before);
    before = bucket.cumulative_count;
  }
  return result;
}

}  // namespace probegate
