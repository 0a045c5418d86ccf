// Finding the session that the user names, among several servers.
#include "cli/servers/find_session.h"

#include <optional>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::HasSubstr;

constexpr char kFirst[] = "5d1c0123456789ab";
constexpr char kSecond[] = "5d1c0123456789ac";
constexpr char kWholeId[] = "5d1c0123456789ab00112233445566ff";

using Found = std::pair<size_t, std::string>;

// The server and the session, or nothing if no session is chosen; in that case `why` gets the error message.
std::optional<Found> Choose(const std::vector<std::vector<std::string>>& servers, const std::string& part,
                            bool complete = true, std::string* why = nullptr) {
  std::vector<v1::ListSessionsResponse> lists;
  for (const std::vector<std::string>& names : servers) {
    v1::ListSessionsResponse& list = lists.emplace_back();
    for (const std::string& name : names) list.add_sessions()->set_session(name);
  }
  try {
    const ChosenSession chosen = ChooseSession(lists, part, complete);
    return Found(chosen.server, chosen.session);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code, ExitCode::kNotFound);
    if (why != nullptr) *why = failure.what();
    return std::nullopt;
  }
}

TEST(ChooseSession, TakesABeginningThatMatchesOneSession) {
  EXPECT_EQ(Choose({{}, {kFirst}}, "5d"), Found(1, kFirst));
  EXPECT_EQ(Choose({{kSecond}, {kFirst}}, kSecond), Found(0, kSecond));
  std::string why;
  EXPECT_EQ(Choose({{kSecond}, {kFirst}}, "5d1c", true, &why), std::nullopt);
  EXPECT_THAT(why, HasSubstr("several sessions begin with 5d1c"));
  EXPECT_EQ(Choose({{kSecond}, {}}, "9", true, &why), std::nullopt);
  EXPECT_THAT(why, HasSubstr("no session begins with 9"));
}

TEST(ChooseSession, TakesAWholeIdAsItIs) { EXPECT_EQ(Choose({{kSecond}, {kFirst}}, kWholeId), Found(1, kWholeId)); }

TEST(ChooseSession, IgnoresSessionsWithAMalformedName) {
  for (const char* name :
       {"", "5d1c", "5d1c0123456789a", "5d1c0123456789abc", "5d1c0123456789ag", "5d1c\x1b[2J89abcd"}) {
    EXPECT_EQ(Choose({{name}}, "5d1c"), std::nullopt) << name;
    EXPECT_EQ(Choose({{name}}, kWholeId), std::nullopt) << name;
    EXPECT_EQ(Choose({{name}, {kFirst}}, kWholeId), Found(1, kWholeId)) << name;
  }
}

TEST(ChooseSession, TakesOnlyAWholeNameWhileAServerIsMissing) {
  std::string why;
  EXPECT_EQ(Choose({{kFirst}}, std::string(kFirst).substr(0, 15), false, &why), std::nullopt);
  EXPECT_THAT(why, HasSubstr("a server is missing"));
  EXPECT_EQ(Choose({{kFirst}}, kFirst, false), Found(0, kFirst));
  EXPECT_EQ(Choose({{kFirst}}, kWholeId, false), Found(0, kWholeId));
}

}  // namespace
}  // namespace probegate
