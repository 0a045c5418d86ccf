// Servers asked at once, where that cannot be.
#include "cli/servers/fleet.h"

#include "cli/top/server_poll.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

using testing::HasSubstr;

// Nobody listens there.
const Endpoint kNobody{"127.0.0.1", 1};

TEST(Fleet, AServerThatNoThreadAsksIsAFailure) {
  Fleet fleet({kNobody});
  const NoThreads no_threads;
  EXPECT_TRUE(fleet.Ask<int>([](ServerClient&) { return 1; }).empty());
  ASSERT_EQ(fleet.failures().size(), 1u);
  EXPECT_EQ(fleet.failures()[0].code, ExitCode::kUnreachable);
  EXPECT_THAT(fleet.failures()[0].what(), HasSubstr("127.0.0.1:1 cannot be asked: there is no thread for it"));
}

TEST(ServerPoll, AServerThatNoThreadAsksIsAProblem) {
  ServerPoll poll({.address = kNobody, .name = kNobody});
  const NoThreads no_threads;
  poll.Ask();
  poll.Wait(ServerPoll::Clock::now());
  ASSERT_TRUE(poll.problem().has_value());
  EXPECT_THAT(poll.problem()->what(), HasSubstr("127.0.0.1:1 cannot be asked: there is no thread for it"));
}

}  // namespace
}  // namespace probegate
