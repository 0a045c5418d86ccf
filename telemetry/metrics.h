// A program's metrics, in Prometheus' terms. All programs count through these classes.
//
// Each metric of a program is one row: a constant with its name, its help, and the names of its labels
// (server/metrics/metric_rows.h, gateway/metrics/metric_rows.h). Each time series is one object, and exists from the
// object's construction to its destruction: the owner of the object decides how long the series is shown. The values of
// labels come from sets that the program bounds: a client cannot create series.
//
//   inline constexpr CounterRow kPackets{"probegate_packets_total", "Packets that a probe answered.", {"probe"}};
//   Counter packets(metrics, kPackets, {unique_id});
//   packets.Add();
//
// Names follow https://prometheus.io/docs/practices/naming/: base units are used, and counters end in _total.
//
// Threads: any. Counting takes about ten nanoseconds and does not block, except for a histogram's own short lock.
// Errors: a series whose labels do not match its row, or that already exists, is a bug in the program and throws
// std::logic_error.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
template <typename T>
class Family;
}  // namespace prometheus

namespace probegate {

// The names of a metric's labels; null after the last one.
using LabelNames = std::array<const char*, 4>;
// The values of the labels, in the same order; as many as there are names.
using LabelValues = std::initializer_list<std::string_view>;

struct CounterRow {
  const char* name;
  const char* help;
  LabelNames labels = {};
};

struct GaugeRow {
  const char* name;
  const char* help;
  LabelNames labels = {};
};

struct HistogramRow {
  const char* name;
  const char* help;
  std::span<const double> bounds;  // upper bounds of the buckets, ascending; a last bucket has no bound
  LabelNames labels = {};
};

// Bucket bounds, in seconds, for operations that take from microseconds to seconds.
inline constexpr double kLatencyBounds[] = {10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3,
                                            10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1,    2.5,    10};

// All series of a program.
class MetricSet {
 public:
  MetricSet();
  ~MetricSet();
  MetricSet(const MetricSet&) = delete;
  MetricSet& operator=(const MetricSet&) = delete;

  // Calls `refresh` at the beginning of each Expose, to set values that are looked up rather than counted as things
  // happen. It is called on the thread that calls Expose, by one thread at a time, and may create and destroy series.
  void BeforeExpose(std::function<void()> refresh);

  // All series, sorted by the metrics' names, in Prometheus' text format 0.0.4.
  std::string Expose();

 private:
  template <typename Metric>
  friend class Series;

  class Families;

  const std::unique_ptr<Families> families_;  // outlives refreshes_, which may own series
  Mutex mutex_;                               // one Expose at a time
  std::vector<std::function<void()>> refreshes_ ABSL_GUARDED_BY(mutex_);
};

// A time series: what all three kinds have in common. The set must outlive it.
template <typename Metric>
class Series {
 public:
  Series(Series&& other) noexcept;
  Series& operator=(Series&& other) noexcept;
  ~Series();

 protected:
  template <typename Row>
  Series(MetricSet& set, const Row& row, LabelValues values);

  prometheus::Family<Metric>* family_;
  Metric* metric_;  // null after this object has been moved from
};

class Counter : public Series<prometheus::Counter> {
 public:
  Counter(MetricSet& set, const CounterRow& row, LabelValues values = {});
  void Add(double by = 1) const;
  double value() const;
};

class Gauge : public Series<prometheus::Gauge> {
 public:
  Gauge(MetricSet& set, const GaugeRow& row, LabelValues values = {});
  void Set(double value) const;
  void Add(double by) const;
};

class Histogram : public Series<prometheus::Histogram> {
 public:
  Histogram(MetricSet& set, const HistogramRow& row, LabelValues values = {});
  void Observe(double value) const;

  struct Snapshot {
    std::vector<double> bounds;     // the row's bounds
    std::vector<uint64_t> buckets;  // one more than bounds; the count of each bucket, not cumulative
    uint64_t count = 0;
    double sum = 0;
  };
  Snapshot snapshot() const;
};

}  // namespace probegate
