// Asking several servers at once if no threads can be started.
#include "cli/servers/server_group.h"

#include "cli/top/server_poll.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

using testing::HasSubstr;

// No program listens there.
const Endpoint kNobody{"127.0.0.1", 1};

TEST(ServerGroup, AServerForWhichNoThreadStartsIsAFailure) {
  ServerGroup group({kNobody});
  const NoThreads no_threads;
  EXPECT_TRUE(group.Ask<int>([](ServerClient&) { return 1; }).empty());
  ASSERT_EQ(group.failures().size(), 1u);
  EXPECT_EQ(group.failures()[0].code, ExitCode::kUnreachable);
  EXPECT_THAT(group.failures()[0].what(), HasSubstr("127.0.0.1:1 cannot be asked: there is no thread for it"));
}

TEST(ServerPoll, AServerForWhichNoThreadStartsIsAProblem) {
  ServerPoll poll({.address = kNobody, .name = kNobody});
  const NoThreads no_threads;
  poll.Ask();
  poll.Wait(ServerPoll::Clock::now());
  ASSERT_TRUE(poll.problem().has_value());
  EXPECT_THAT(poll.problem()->what(), HasSubstr("127.0.0.1:1 cannot be asked: there is no thread for it"));
}

}  // namespace
}  // namespace probegate
