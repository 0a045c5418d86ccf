#include "telemetry/scope.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

enum Outcome : size_t { kOk, kFault, kCancelled };

constexpr CounterRow kOperations{"operations_total", "Operations.", {"outcome"}};
constexpr CounterRow kFailures{"failures_total", "Failures."};
constexpr double kBounds[] = {1, 10};
constexpr HistogramRow kWait{"wait_seconds", "Wait.", kBounds};
constexpr HistogramRow kWork{"work_seconds", "Work.", kBounds};

constexpr OperationScope::Clock::time_point At(int second) {
  return OperationScope::Clock::time_point(seconds(second));
}

class ScopeTest : public testing::Test {
 protected:
  ScopeTest() {
    for (const char* outcome : {"ok", "fault", "cancelled"})
      outcomes_.emplace_back(set_, kOperations, LabelValues{outcome});
  }

  OperationScope Begin(int second) { return {metrics_, kCancelled, At(second)}; }
  std::vector<double> counted() const {
    std::vector<double> all;
    for (const Counter& outcome : outcomes_) all.push_back(outcome.value());
    return all;
  }

  MetricSet set_;
  std::vector<Counter> outcomes_;
  const Histogram wait_{set_, kWait};
  const Histogram work_{set_, kWork};
  const Counter failures_{set_, kFailures};
  const OperationMetrics metrics_{outcomes_, &wait_, &work_, &failures_};
};

TEST_F(ScopeTest, CountsOnceAndTimesWaitingAndWork) {
  OperationScope scope = Begin(100);
  scope.Work(At(102));
  scope.Finish(kOk, At(105));
  EXPECT_THAT(counted(), ElementsAre(1, 0, 0));
  EXPECT_EQ(wait_.snapshot().sum, 2);
  EXPECT_EQ(work_.snapshot().sum, 3);
  EXPECT_EQ(wait_.snapshot().count, 1);
  EXPECT_EQ(work_.snapshot().count, 1);
}

TEST_F(ScopeTest, AddsUpSeveralPeriods) {
  OperationScope scope = Begin(0);
  scope.Work(At(1));
  scope.Wait(At(3));
  scope.Work(At(6));
  EXPECT_EQ(scope.waited(), seconds(4));
  EXPECT_EQ(scope.worked(), seconds(2));
  scope.Finish(kOk, At(10));
  EXPECT_EQ(wait_.snapshot().sum, 4);
  EXPECT_EQ(work_.snapshot().sum, 6);
  EXPECT_EQ(wait_.snapshot().count, 1);
  EXPECT_EQ(work_.snapshot().count, 1);
}

TEST_F(ScopeTest, AnOperationThatEndsWhileItWaitsHasWaitedUntilThen) {
  Begin(0).Finish(kCancelled, At(5));
  EXPECT_EQ(wait_.snapshot().sum, 5);
  EXPECT_EQ(work_.snapshot().sum, 0);
  EXPECT_EQ(work_.snapshot().count, 1);
}

TEST_F(ScopeTest, AnOperationThatIsNeverFinishedCountsAsAFailure) {
  {
    const OperationScope scope(metrics_, kCancelled, OperationScope::Clock::now());
  }
  EXPECT_THAT(counted(), ElementsAre(0, 0, 1));
  EXPECT_EQ(failures_.value(), 1);
  EXPECT_EQ(wait_.snapshot().count, 1);
}

TEST_F(ScopeTest, FailuresAreAllOutcomesExceptSuccess) {
  Begin(0).Finish(kOk, At(1));
  EXPECT_EQ(failures_.value(), 0);
  Begin(0).Finish(kFault, At(1));
  Begin(0).Finish(kCancelled, At(1));
  EXPECT_EQ(failures_.value(), 2);
  EXPECT_THAT(counted(), ElementsAre(1, 1, 1));
}

TEST_F(ScopeTest, OnlyTheFirstFinishCounts) {
  {
    OperationScope scope = Begin(0);
    scope.Finish(kFault, At(1));
    scope.Finish(kOk, At(2));
  }
  EXPECT_THAT(counted(), ElementsAre(0, 1, 0));
  EXPECT_EQ(wait_.snapshot().count, 1);
}

TEST_F(ScopeTest, AMovedScopeCountsOnce) {
  {
    OperationScope first = Begin(0);
    first.Work(At(2));
    OperationScope second = std::move(first);
    second.Finish(kOk, At(3));
  }
  EXPECT_THAT(counted(), ElementsAre(1, 0, 0));
  EXPECT_EQ(wait_.snapshot().sum, 2);
  EXPECT_EQ(work_.snapshot().sum, 1);
}

TEST_F(ScopeTest, AScopeThatIsAssignedToIsCountedFirst) {
  OperationScope scope = Begin(0);
  scope = Begin(10);
  EXPECT_THAT(counted(), ElementsAre(0, 0, 1));
  scope.Finish(kOk, At(11));
  EXPECT_THAT(counted(), ElementsAre(1, 0, 1));
  scope = OperationScope();
  EXPECT_THAT(counted(), ElementsAre(1, 0, 1));
}

TEST_F(ScopeTest, AnEmptyScopeCountsNothing) {
  {
    OperationScope none;
    none.Work(At(1));
    none.Finish(kOk, At(2));
  }
  EXPECT_THAT(counted(), ElementsAre(0, 0, 0));
}

TEST_F(ScopeTest, WithoutHistogramsNothingIsTimed) {
  const OperationMetrics outcomes_only{outcomes_};
  OperationScope scope(outcomes_only, kCancelled, At(0));
  scope.Finish(kFault, At(1));
  EXPECT_THAT(counted(), ElementsAre(0, 1, 0));
  EXPECT_EQ(wait_.snapshot().count, 0);
  EXPECT_EQ(failures_.value(), 0);
}

}  // namespace
}  // namespace probegate
