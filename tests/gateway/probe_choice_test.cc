#include "gateway/probe_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace probegate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ProbeChoice, ChoosesEverythingWithoutPatterns) {
  ProbeChoice choice({}, false);
  EXPECT_THAT(choice.Choose({"A", "B"}, false).chosen, ElementsAre("A", "B"));
  EXPECT_THAT(choice.Choose({}, true).missing, IsEmpty());
}

TEST(ProbeChoice, AWholeIdIsChosenAtOnceRegardlessOfCase) {
  ProbeChoice choice({"abc"}, false);
  EXPECT_THAT(choice.Choose({"ABC", "ABCD"}, false).chosen, ElementsAre("ABC"));
}

TEST(ProbeChoice, APartCountsOnceAllServersHaveAnswered) {
  ProbeChoice choice({"bc"}, false);
  const auto early = choice.Choose({"ABC"}, false);
  EXPECT_THAT(early.chosen, IsEmpty());
  EXPECT_THAT(early.missing, ElementsAre("bc"));
  EXPECT_THAT(early.undecided, ElementsAre("bc"));
  EXPECT_THAT(choice.Choose({"ABC"}, true).chosen, ElementsAre("ABC"));
  // The part keeps selecting the same probe.
  const auto later = choice.Choose({"ABC", "BCD"}, false);
  EXPECT_THAT(later.chosen, ElementsAre("ABC"));
  EXPECT_THAT(later.ambiguous, IsEmpty());
}

TEST(ProbeChoice, AWholeIdThatAppearsLaterIsChosen) {
  ProbeChoice choice({"ABC"}, false);
  EXPECT_THAT(choice.Choose({"ABCD"}, true).chosen, ElementsAre("ABCD"));
  EXPECT_THAT(choice.Choose({"ABC", "ABCD"}, true).chosen, ElementsAre("ABC"));
}

TEST(ProbeChoice, AnAmbiguousPartChoosesNone) {
  ProbeChoice choice({"ab", "X"}, false);
  const auto result = choice.Choose({"AB1", "AB2", "X"}, true);
  EXPECT_THAT(result.chosen, ElementsAre("X"));
  EXPECT_THAT(result.ambiguous, ElementsAre(Pair("ab", ElementsAre("AB1", "AB2"))));
}

TEST(ProbeChoice, PartsDoNotMatchIfWholeIdsAreRequired) {
  ProbeChoice choice({"ABC"}, true);
  const auto result = choice.Choose({"ABCD"}, true);
  EXPECT_THAT(result.chosen, IsEmpty());
  EXPECT_THAT(result.missing, ElementsAre("ABC"));
  EXPECT_THAT(choice.Choose({"abc", "ABCD"}, false).chosen, ElementsAre("abc"));
}

}  // namespace
}  // namespace probegate
