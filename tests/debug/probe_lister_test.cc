#include "debug/grpc/probe_lister.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

TEST(ProbeLister, AServerForWhichNoThreadCanBeStartedIsReportedAsMissing) {
  const NoThreads no_threads;
  const auto list = ProbeLister({{"127.0.0.1", 1}}).List();
  EXPECT_TRUE(absl::IsUnavailable(list.status())) << list.status();
  EXPECT_THAT(list.status().message(), testing::HasSubstr("127.0.0.1:1 cannot be asked: there is no thread for it"));
}

}  // namespace
}  // namespace probegate
