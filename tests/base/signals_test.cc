// The last resort for a program that hangs during its shutdown.
#include "base/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <future>

#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

TEST(ExitWithinDeathTest, EndsAProgramThatHangsWithAnErrorMessage) {
  const auto hang = [] {
    ExitWithin(std::chrono::seconds(1), "the end hangs\n");
    while (true) pause();
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(1), "the end hangs");
}

TEST(ExitWithinDeathTest, EndsAProgramWhoseStandardErrorIsNotRead) {
  const auto hang = [] {
    int ends[2];
    if (::pipe(ends) != 0 || ::dup2(ends[1], STDERR_FILENO) < 0) return;
    ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (::write(ends[1], "x", 1) == 1) {
    }
    ::fcntl(ends[1], F_SETFL, 0);
    ExitWithin(std::chrono::seconds(1), "nobody reads this\n");
    while (true) pause();
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(1), "");
}

TEST(TerminationSignals, WaitReturnsTheSignal) {
  TerminationSignals signals;
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(signals.Wait(), SIGTERM);
}

TEST(TerminationSignals, CancelEndsWait) {
  TerminationSignals signals;
  signals.Cancel();
  EXPECT_EQ(signals.Wait(), 0);
}

TEST(HangupWatchTest, TellsOfEachSignal) {
  BlockHangup();
  ::kill(::getpid(), SIGHUP);  // before anything waits for it
  std::promise<void> first, second;
  int seen = 0;
  const auto watch = HangupWatch::Start([&] { (++seen == 1 ? first : second).set_value(); });
  ASSERT_TRUE(watch.ok()) << watch.status();
  Awaited(first.get_future(), "the first SIGHUP");
  ::kill(::getpid(), SIGHUP);
  Awaited(second.get_future(), "the second SIGHUP");
}

}  // namespace
}  // namespace probegate
