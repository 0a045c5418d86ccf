// Starting threads.
#include "base/start_thread.h"

#include <pthread.h>

#include <csignal>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

sigset_t BlockedHere() {
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return blocked;
}

TEST(StartThread, ReceivesNoSignals) {
  std::thread thread;
  sigset_t inside;
  sigemptyset(&inside);
  ASSERT_TRUE(StartThread(thread, "the test", [&inside] { inside = BlockedHere(); }).ok());
  thread.join();
  const sigset_t outside = BlockedHere();
  for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGHUP}) {
    EXPECT_TRUE(sigismember(&inside, signal)) << signal;
    EXPECT_FALSE(sigismember(&outside, signal)) << signal;
  }
}

TEST(StartThread, AnErrorIfThereIsNoThreadLeft) {
  std::thread thread;
  const auto captured = std::make_shared<int>(0);
  const NoThreads no_threads;
  const absl::Status status = StartThread(thread, "the test", [captured] { ++*captured; });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), testing::StartsWith("cannot start a thread for the test: "));
  EXPECT_FALSE(thread.joinable());
  EXPECT_EQ(captured.use_count(), 1);
  const sigset_t outside = BlockedHere();
  EXPECT_FALSE(sigismember(&outside, SIGTERM)) << "signals stay blocked";
}

TEST(StartDetached, RunsWithoutSignals) {
  const auto blocked = std::make_shared<std::promise<bool>>();
  const absl::Status started = StartDetached("the test", [blocked] {
    const sigset_t inside = BlockedHere();
    blocked->set_value(sigismember(&inside, SIGTERM) == 1);
  });
  ASSERT_TRUE(started.ok());
  EXPECT_TRUE(Awaited(blocked->get_future(), "the thread runs"));
}

TEST(StartDetached, AnErrorIfThereIsNoThreadLeft) {
  const NoThreads no_threads;
  EXPECT_EQ(StartDetached("the test", [] {}).code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace probegate
