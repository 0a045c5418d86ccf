#include "telemetry/self_check.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/base/bounded_wait.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;

constexpr SelfCheck::Times kShort{.pause = milliseconds(1), .patience = milliseconds(50), .alive = milliseconds(300)};

std::unique_ptr<SelfCheck> Started(std::vector<SelfCheck::Check> checks, const SelfCheck::Times& times) {
  auto started = SelfCheck::Start(std::move(checks), times);
  EXPECT_TRUE(started.ok()) << started.status();
  return *std::move(started);
}

TEST(SelfCheck, NamesTheCheckThatFails) {
  std::atomic<bool> works = true;
  std::atomic<int> made = 0;
  const auto check = Started({{"gRPC",
                               [&](Deadline) {
                                 ++made;
                                 return works ? absl::OkStatus() : absl::UnavailableError("no answer");
                               }},
                              {"lanes", [](Deadline) { return absl::OkStatus(); }}},
                             {.pause = milliseconds(1)});
  AwaitTrue([&] { return made > 1; }, "the check is repeated");
  EXPECT_THAT(check->Failing(), IsEmpty());
  works = false;
  AwaitTrue([&] { return !check->Failing().empty(); }, "the failure is reported");
  EXPECT_THAT(check->Failing(), ElementsAre("gRPC: no answer"));
  EXPECT_THAT(check->NotAlive(), IsEmpty());
  works = true;
  AwaitTrue([&] { return check->Failing().empty(); }, "the success is reported");
}

TEST(SelfCheck, WithoutSuccessForLongTheProgramIsNotAlive) {
  std::atomic<bool> works = false;
  const auto check = Started(
      {{"gRPC", [&](Deadline) { return works ? absl::OkStatus() : absl::UnavailableError("no answer"); }}}, kShort);
  AwaitTrue([&] { return !check->NotAlive().empty(); }, "the program is not alive");
  EXPECT_THAT(check->NotAlive(), ElementsAre(MatchesRegex("gRPC: not serving for [0-9]+ s: no answer")));
  works = true;
  AwaitTrue([&] { return check->NotAlive().empty(); }, "the program is alive");
}

TEST(SelfCheck, NoticesACheckThatHangs) {
  std::atomic<bool> hangs = true;
  const auto check = Started({{"gRPC",
                               [&](Deadline) {
                                 AwaitTrue([&hangs] { return !hangs; }, "the check may end");
                                 return absl::OkStatus();
                               }}},
                             kShort);
  AwaitTrue([&] { return !check->Failing().empty(); }, "the check is reported");
  EXPECT_THAT(check->Failing(), ElementsAre(MatchesRegex("gRPC: no answer for [0-9]+ s")));
  AwaitTrue([&] { return !check->NotAlive().empty(); }, "the program is not alive");
  hangs = false;
}

TEST(SelfCheck, GivesEachCheckADeadline) {
  std::atomic<bool> in_time = false;
  const auto check = Started({{"gRPC",
                               [&](Deadline deadline) {
                                 const auto left = deadline - std::chrono::steady_clock::now();
                                 in_time = left <= kShort.patience;
                                 return absl::OkStatus();
                               }}},
                             kShort);
  AwaitTrue([&] { return in_time.load(); }, "the check is made");
}

TEST(SelfCheck, AnErrorIfThereIsNoThreadLeft) {
  const NoThreads no_threads;
  EXPECT_EQ(SelfCheck::Start({}).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace probegate
