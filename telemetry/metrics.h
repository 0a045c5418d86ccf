// What a program counts, in Prometheus' terms, and the one way to count it.
//
// Each metric of a program is one row: a constant that says its name, its help, and the names of its labels
// (server/metrics/metric_rows.h, gateway/metrics/metric_rows.h). Each time series is one object: it is there from its
// construction to its destruction, so who owns the object decides how long the series is shown. Labels only ever have
// values from a set that the program bounds: a client cannot make a series.
//
//   inline constexpr CounterRow kPackets{"probegate_packets_total", "Packets that a probe answered.", {"probe"}};
//   Counter packets(metrics, kPackets, {unique_id});
//   packets.Add();
//
// Names follow https://prometheus.io/docs/practices/naming/: base units, counters end in _total.
//
// Threads: any. Counting takes some ten nanoseconds and does not block, but for a histogram's own short lock.
// Errors: a series whose labels do not fit its row, or that is there already, is a defect of the program and throws
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

// The names of a metric's labels; null where there are fewer.
using LabelNames = std::array<const char*, 4>;
// Their values, in the same order, as many as there are names.
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
  std::span<const double> bounds;  // upper bounds of the buckets, ascending; one without a bound follows
  LabelNames labels = {};
};

// For what takes from microseconds to seconds, in seconds.
inline constexpr double kLatencyBounds[] = {10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3,
                                            10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1,    2.5,    10};

// All series of a program.
class MetricSet {
 public:
  MetricSet();
  ~MetricSet();
  MetricSet(const MetricSet&) = delete;
  MetricSet& operator=(const MetricSet&) = delete;

  // Has `refresh` called before each Expose: it sets what is looked up rather than counted as it happens. Calls come
  // one at a time, on the exposing thread, and may make and destroy series.
  void BeforeExpose(std::function<void()> refresh);

  // All there is, by the metrics' names, in Prometheus' text format 0.0.4.
  std::string Expose();

 private:
  template <typename Metric>
  friend class Series;

  class Families;

  const std::unique_ptr<Families> families_;  // outlives refreshes_, which may own series
  Mutex mutex_;                               // one Expose at a time
  std::vector<std::function<void()>> refreshes_ ABSL_GUARDED_BY(mutex_);
};

// A time series: the part that is the same for all three kinds. The set must outlive it.
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
  Metric* metric_;  // null once moved from
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
    std::vector<double> bounds;     // as the row has them
    std::vector<uint64_t> buckets;  // one more than bounds: how many fell into each, not cumulated
    uint64_t count = 0;
    double sum = 0;
  };
  Snapshot snapshot() const;
};

}  // namespace probegate
