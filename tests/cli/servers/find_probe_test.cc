// Finding the probe that the user names, among several servers.
#include "cli/servers/find_probe.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Probe {
  std::string unique_id;
  v1::ProbeState state = v1::PROBE_STATE_IDLE;
  Labels labels = {};
};
constexpr v1::ProbeState kAway = v1::PROBE_STATE_AWAY;

std::vector<ServerProbes> Lists(const std::vector<std::vector<Probe>>& servers) {
  std::vector<ServerProbes> lists;
  for (const std::vector<Probe>& probes : servers) {
    ServerProbes& list = lists.emplace_back();
    list.server.address = {"10.0.0.1", static_cast<uint16_t>(lists.size())};
    for (const Probe& probe : probes) {
      v1::ProbeStatus& status = *list.probes.add_probes();
      status.mutable_description()->set_unique_id(probe.unique_id);
      status.set_state(probe.state);
      status.mutable_description()->mutable_labels()->insert(probe.labels.begin(), probe.labels.end());
    }
  }
  return lists;
}

// "SERVER UID", or empty if no probe is chosen; in that case `why` gets the error message.
std::optional<std::string> Choose(const std::vector<std::vector<Probe>>& servers, const ProbeChoice& wanted,
                                  std::string* why = nullptr, bool complete = true) {
  try {
    const ChosenProbe chosen = ChooseProbe(Lists(servers), wanted, complete);
    return std::to_string(chosen.server) + " " + chosen.unique_id;
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code, ExitCode::kNotFound);
    if (why != nullptr) *why = failure.what();
    return std::nullopt;
  }
}

std::optional<std::string> Choose(const std::vector<std::vector<Probe>>& servers, const char* uid,
                                  std::string* why = nullptr, bool complete = true) {
  return Choose(servers, ProbeChoice{.uid = uid, .labels = {}}, why, complete);
}

TEST(ChooseProbe, TakesTheOnlyProbeWithAllLabels) {
  const Labels left = {{"rack", "Left"}};
  const Labels left_3 = {{"rack", "left"}, {"shelf", "3"}};
  const std::vector<std::vector<Probe>> servers = {{{"A1", v1::PROBE_STATE_IDLE, left}},
                                                   {{"A2", v1::PROBE_STATE_IDLE, left_3}, {"A3"}}};
  const auto choose = [&servers](const std::string& uid, const Labels& labels, std::string* why = nullptr,
                                 bool complete = true) {
    return Choose(servers, ProbeChoice{.uid = uid, .labels = labels}, why, complete);
  };
  EXPECT_EQ(choose("", {{"shelf", "3"}}), "1 A2");
  EXPECT_EQ(choose("", {{"shelf", "3"}, {"rack", "LEFT"}}), "1 A2");
  EXPECT_EQ(choose("a1", left), "0 A1");
  std::string why;
  EXPECT_EQ(choose("", left, &why), std::nullopt);
  EXPECT_EQ(why, "there are several probes with rack=Left, name one: A1, A2");
  EXPECT_EQ(choose("A3", left, &why), std::nullopt);
  EXPECT_EQ(why, "no probe matches \"A3\" with rack=Left; there are: A1, A2, A3");
  EXPECT_EQ(choose("", {{"rack", "right"}}, &why), std::nullopt);
  EXPECT_EQ(why, "there is no probe with rack=right; there are: A1, A2, A3");
  EXPECT_EQ(choose("", {{"shelf", "3"}}, &why, false), std::nullopt);
  EXPECT_THAT(why, HasSubstr("whole unique ID: A2"));
}

TEST(ChooseProbe, TakesAPartThatMatchesOneProbe) {
  EXPECT_EQ(Choose({{{"7A22"}}, {{"7A33"}, {"8B44"}}}, "a3"), "1 7A33");
  EXPECT_EQ(Choose({{}, {{"7A22"}}}, ""), "1 7A22");
  std::string why;
  EXPECT_EQ(Choose({{{"7A22"}}, {{"7A33"}, {"8B44"}}}, "7a", &why), std::nullopt);
  EXPECT_THAT(why, AllOf(HasSubstr("several probes match \"7a\""), HasSubstr("7A22, 7A33")));
  EXPECT_EQ(Choose({{{"7A22"}}, {{"7A33"}}}, "", &why), std::nullopt);
  EXPECT_THAT(why, AllOf(HasSubstr("name one"), HasSubstr("7A22, 7A33")));
}

TEST(ChooseProbe, IgnoresProbesWithoutAnId) { EXPECT_EQ(Choose({{{""}}, {{"7A22"}}}, ""), "1 7A22"); }

TEST(ChooseProbe, TakesAWholeIdBeforeAPart) { EXPECT_EQ(Choose({{{"7A22-1"}}, {{"7A22"}}}, "7a22"), "1 7A22"); }

TEST(ChooseProbe, TakesOnlyAWholeIdWhileAServerIsMissing) {
  const std::vector<std::vector<Probe>> servers = {{{"7A22-1"}}, {{"8B44"}}};
  std::string why;
  EXPECT_EQ(Choose(servers, "8b44", &why, false), "1 8B44");
  EXPECT_EQ(Choose(servers, "8B", &why, false), std::nullopt);
  EXPECT_THAT(why, AllOf(HasSubstr("a server is missing"), HasSubstr("8B44")));
  EXPECT_EQ(Choose({{{"8B44"}}}, "", &why, false), std::nullopt);
  EXPECT_THAT(why, AllOf(HasSubstr("a server is missing"), HasSubstr("8B44")));
}

TEST(ChooseProbe, ListsTheProbesThereAre) {
  std::string why;
  EXPECT_EQ(Choose({{{"7A22"}}, {{"8B44"}}}, "9", &why), std::nullopt);
  EXPECT_THAT(why, AllOf(HasSubstr("\"9\""), HasSubstr("7A22, 8B44")));
  EXPECT_EQ(Choose({{}}, "9", &why), std::nullopt);
  EXPECT_THAT(why, HasSubstr("there are: none"));
  EXPECT_EQ(Choose({{}}, "", &why), std::nullopt);
}

TEST(ChooseProbe, ChoosesTheServerToWhichTheProbeMoved) {
  EXPECT_EQ(Choose({{{"7A22", kAway}}, {{"7A22"}}}, "7A22"), "1 7A22");
  EXPECT_EQ(Choose({{{"7A22", kAway}}, {{"7A22", v1::PROBE_STATE_IN_USE}}}, ""), "1 7A22");
  // The server that the probe has left lists it as away.
  EXPECT_EQ(Choose({{}, {{"7A22", kAway}}, {{"7A22", kAway}}}, "7A22"), "1 7A22");
}

TEST(ChooseProbe, DoesNotGuessBetweenServers) {
  std::string why;
  EXPECT_EQ(Choose({{{"7A22"}}, {{"7A22"}}, {{"7A22", kAway}}}, "7A22", &why), std::nullopt);
  EXPECT_THAT(why, AllOf(HasSubstr("10.0.0.1:1, 10.0.0.1:2;"), HasSubstr("--server")));
}

}  // namespace
}  // namespace probegate
