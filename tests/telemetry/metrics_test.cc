#include "telemetry/metrics.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr CounterRow kPackets{"packets_total", "Packets.", {"probe", "direction"}};
constexpr CounterRow kStarts{"starts_total", "Starts."};
constexpr GaugeRow kDepth{"depth", "Depth.", {"probe"}};
constexpr double kBounds[] = {1, 2.5, 5};
constexpr HistogramRow kSeconds{"seconds", "Seconds.", kBounds, {"probe"}};

TEST(Metrics, AreShownInTheFormatOfPrometheus) {
  MetricSet set;
  const Counter packets(set, kPackets, {"7A22", "in"});
  const Gauge depth(set, kDepth, {"7A22"});
  const Histogram seconds(set, kSeconds, {"7A22"});
  packets.Add();
  packets.Add(2);
  depth.Set(7);
  depth.Add(-2);
  seconds.Observe(2);
  EXPECT_EQ(set.Expose(),
            "# HELP depth Depth.\n# TYPE depth gauge\n"
            "depth{probe=\"7A22\"} 5\n"
            "# HELP packets_total Packets.\n# TYPE packets_total counter\n"
            "packets_total{direction=\"in\",probe=\"7A22\"} 3\n"
            "# HELP seconds Seconds.\n# TYPE seconds histogram\n"
            "seconds_count{probe=\"7A22\"} 1\n"
            "seconds_sum{probe=\"7A22\"} 2\n"
            "seconds_bucket{probe=\"7A22\",le=\"1\"} 0\n"
            "seconds_bucket{probe=\"7A22\",le=\"2.5\"} 1\n"
            "seconds_bucket{probe=\"7A22\",le=\"5\"} 1\n"
            "seconds_bucket{probe=\"7A22\",le=\"+Inf\"} 1\n");
}

TEST(Metrics, ASeriesDisappearsWithItsObject) {
  MetricSet set;
  const Counter stays(set, kPackets, {"1044", "in"});
  {
    const Counter goes(set, kPackets, {"7A22", "in"});
    goes.Add(5);
    EXPECT_THAT(set.Expose(), HasSubstr("7A22"));
  }
  EXPECT_THAT(set.Expose(), AllOf(Not(HasSubstr("7A22")), HasSubstr("1044")));
  // A new object starts from 0.
  const Counter again(set, kPackets, {"7A22", "in"});
  EXPECT_EQ(again.value(), 0);
  EXPECT_THAT(set.Expose(), HasSubstr("probe=\"7A22\"} 0\n"));
}

TEST(Metrics, ASecondSeriesWithTheSameLabelsThrows) {
  MetricSet set;
  const Counter one(set, kPackets, {"7A22", "in"});
  const Counter other(set, kPackets, {"7A22", "out"});
  EXPECT_THROW(Counter(set, kPackets, {"7A22", "in"}), std::logic_error);
  one.Add();
  EXPECT_THAT(set.Expose(), HasSubstr("packets_total{direction=\"in\",probe=\"7A22\"} 1\n"));
}

TEST(Metrics, ANumberOfValuesOtherThanThatOfLabelsThrows) {
  MetricSet set;
  EXPECT_THROW(Counter(set, kPackets, {"7A22"}), std::logic_error);
  EXPECT_THROW(Counter(set, kPackets, {"7A22", "in", "more"}), std::logic_error);
  EXPECT_THROW(Counter(set, kPackets), std::logic_error);
  EXPECT_THROW(Counter(set, kStarts, {"one"}), std::logic_error);
  EXPECT_NO_THROW(Counter(set, kStarts));
}

TEST(Metrics, AMovedSeriesExistsOnce) {
  MetricSet set;
  Counter first(set, kPackets, {"7A22", "in"});
  first.Add();
  {
    const Counter second(std::move(first));
    second.Add();
    EXPECT_EQ(second.value(), 2);
    EXPECT_THAT(set.Expose(), HasSubstr("probe=\"7A22\"} 2\n"));
  }
  EXPECT_THAT(set.Expose(), Not(HasSubstr("7A22")));
}

TEST(Metrics, AnAssignedSeriesReplacesTheOther) {
  MetricSet set;
  Gauge kept(set, kDepth, {"7A22"});
  kept = Gauge(set, kDepth, {"1044"});
  kept.Set(4);
  EXPECT_THAT(set.Expose(), AllOf(HasSubstr("depth{probe=\"1044\"} 4\n"), Not(HasSubstr("7A22"))));
}

TEST(Metrics, LabelsCannotBreakOutOfTheirLine) {
  MetricSet set;
  const Gauge depth(set, kDepth, {"a\"b\\c\nd"});
  EXPECT_THAT(set.Expose(), HasSubstr("depth{probe=\"a\\\"b\\\\c\\nd\"} 0\n"));
}

TEST(Metrics, TheBucketsOfASnapshotAreNotCumulative) {
  MetricSet set;
  const Histogram seconds(set, kSeconds, {"7A22"});
  for (const double value : {0.5, 1.0, 2.0, 4.0, 4.5, 100.0}) seconds.Observe(value);
  const Histogram::Snapshot now = seconds.snapshot();
  EXPECT_THAT(now.bounds, ElementsAre(1, 2.5, 5));
  EXPECT_THAT(now.buckets, ElementsAre(2, 1, 2, 1));
  EXPECT_EQ(now.count, 6);
  EXPECT_EQ(now.sum, 112);
}

TEST(Metrics, ASnapshotWithoutObservationsIsEmpty) {
  MetricSet set;
  const Histogram::Snapshot now = Histogram(set, kSeconds, {"7A22"}).snapshot();
  EXPECT_THAT(now.bounds, ElementsAre(1, 2.5, 5));
  EXPECT_THAT(now.buckets, ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(now.count, 0);
}

TEST(Metrics, ARefreshMayCreateAndDestroySeries) {
  MetricSet set;
  std::optional<Gauge> depth;
  set.BeforeExpose([&] {
    if (depth) {
      depth.reset();
    } else {
      depth.emplace(set, kDepth, LabelValues{"7A22"});
    }
  });
  EXPECT_THAT(set.Expose(), HasSubstr("7A22"));
  EXPECT_THAT(set.Expose(), Not(HasSubstr("7A22")));
}

TEST(Metrics, CanBeCountedOnAnyThreadWhileTheyAreShown) {
  constexpr int kEach = 1000;
  MetricSet set;
  const Counter packets(set, kPackets, {"7A22", "in"});
  const Histogram seconds(set, kSeconds, {"7A22"});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int n = 0; n < kEach; ++n) {
          packets.Add();
          seconds.Observe(i);
          const Gauge passing(set, kDepth, {std::to_string(i)});
        }
      });
    }
    for (int n = 0; n < 20; ++n) EXPECT_THAT(set.Expose(), HasSubstr("packets_total"));
  }
  EXPECT_EQ(packets.value(), 4 * kEach);
  EXPECT_THAT(seconds.snapshot().buckets, ElementsAre(2 * kEach, kEach, kEach, 0));
}

}  // namespace
}  // namespace probegate
