#include "debug/workers.h"

#include <future>
#include <string>

#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

TEST(WorkersTest, OneThreadWorksInOrderAndFinishes) {
  std::string done;
  {
    Workers workers(1);
    for (const char c : {'a', 'b', 'c'}) workers.Run([&done, c] { done += c; });
  }
  EXPECT_EQ(done, "abc");
}

TEST(WorkersTest, WorkThatBlocksStopsOneThread) {
  Workers workers(2);
  std::promise<void> disk, other;
  workers.Run([&disk] { Awaited(disk.get_future(), "the disk"); });
  workers.Run([&other] { other.set_value(); });
  Awaited(other.get_future(), "the other thread");
  disk.set_value();
}

TEST(WorkersTest, WorkMayHandInMoreWhileTheThreadsEnd) {
  int done = 0;
  {
    Workers workers(1);
    workers.Run([&] { workers.Run([&] { ++done; }); });
  }
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace probegate
