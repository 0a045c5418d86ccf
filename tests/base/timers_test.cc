#include "base/timers.h"

#include <future>

#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

using std::chrono::hours;

TEST(TimersTest, CallsInTheOrderOfTheTimes) {
  Timers timers;
  const auto owner = std::make_shared<int>();
  std::promise<std::string> called;
  std::string order;
  const Timers::Clock::time_point now = Timers::Clock::now();
  timers.At(now + std::chrono::milliseconds(30), owner, [&] { called.set_value(order + "c"); });
  timers.At(now + std::chrono::milliseconds(20), owner, [&] { order += "b"; });
  timers.At(now + std::chrono::milliseconds(10), owner, [&] { order += "a"; });
  EXPECT_EQ(Awaited(called.get_future(), "the last call"), "abc");
}

TEST(TimersTest, ALongTimeDoesNotDelayAShortOne) {
  Timers timers;
  const auto owner = std::make_shared<int>();
  std::promise<void> called;
  timers.At(Timers::Clock::now() + hours(1), owner, [] { ADD_FAILURE(); });
  timers.At(Timers::Clock::now(), owner, [&] { called.set_value(); });
  Awaited(called.get_future(), "the short one");
}

TEST(TimersTest, NothingIsCalledWithoutItsOwnerOrAfterStop) {
  Timers timers;
  const auto owner = std::make_shared<int>();
  std::promise<void> called;
  timers.At(Timers::Clock::now(), std::weak_ptr<void>(), [] { ADD_FAILURE(); });
  timers.At(Timers::Clock::now(), owner, [&] { called.set_value(); });
  Awaited(called.get_future(), "the one with an owner");
  timers.Stop();
  timers.At(Timers::Clock::now(), owner, [] { ADD_FAILURE(); });
}

TEST(TimersTest, ACallMaySetTheNextTime) {
  Timers timers;
  const auto owner = std::make_shared<int>();
  std::promise<void> called;
  timers.At(Timers::Clock::now(), owner, [&] { timers.At(Timers::Clock::now(), owner, [&] { called.set_value(); }); });
  Awaited(called.get_future(), "the second call");
}

}  // namespace
}  // namespace probegate
