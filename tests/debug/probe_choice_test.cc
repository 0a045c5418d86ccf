#include "debug/probe_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

KnownProbe Probe(const std::string& id, const std::string& server = "s1:1",
                 v1::ProbeState state = v1::PROBE_STATE_IDLE) {
  KnownProbe probe{.status = {}, .server = server};
  probe.status.mutable_description()->set_unique_id(id);
  probe.status.mutable_description()->set_vendor_name(id[0] == 'A' ? "Acme" : "Bolt");
  probe.status.set_location("tcp:" + id);
  probe.status.set_state(state);
  return probe;
}

constexpr v1::ProbeState kAway = v1::PROBE_STATE_AWAY;

std::string Choose(const std::string& port, const ProbeList& list, std::string* why = nullptr) {
  const auto chosen = ChooseProbe({{"port", port}}, list);
  if (why != nullptr) *why = std::string(chosen.status().message());
  return chosen.ok() ? *chosen : absl::StatusCodeToString(chosen.status().code());
}

std::string Choose(const std::string& port) {
  return Choose(port, {.probes = {Probe("A1"), Probe("A2", "s1:1", kAway), Probe("B1")}, .gap = ""});
}

TEST(ProbeChoiceTest, FindsAProbeByIdOrByAProperty) {
  EXPECT_EQ(Choose("A1"), "A1");
  EXPECT_EQ(Choose("b1"), "B1");
  EXPECT_EQ(Choose("unique_id=A1"), "A1");
  EXPECT_EQ(Choose("VENDOR=bolt"), "B1");
  EXPECT_EQ(Choose("location=tcp:A1"), "A1");
}

TEST(ProbeChoiceTest, FindsAProbeByALabel) {
  ProbeList list{.probes = {Probe("A1"), Probe("A2"), Probe("B1")}, .gap = ""};
  for (size_t i = 0; i < 2; ++i) {
    auto& labels = *list.probes[i].status.mutable_description()->mutable_labels();
    labels["rack"] = "Left";
    labels["shelf"] = std::to_string(i);
  }
  EXPECT_EQ(Choose("shelf=1", list), "A2");
  EXPECT_EQ(Choose("rack=left", list), "INVALID_ARGUMENT");
  EXPECT_EQ(Choose("rack=right", list), "NOT_FOUND");
  EXPECT_EQ(Choose("rack=", list), "NOT_FOUND");
  EXPECT_EQ(Choose("Shelf=1", list), "INVALID_ARGUMENT");
  list.gap = "s2:1 is gone";
  EXPECT_EQ(Choose("shelf=1", list), "UNAVAILABLE");
}

TEST(ProbeChoiceTest, ReportsErrorsByTheirCode) {
  EXPECT_EQ(Choose("A"), "NOT_FOUND");
  EXPECT_EQ(Choose("vendor=Acme"), "INVALID_ARGUMENT");
  EXPECT_EQ(Choose("colour=red"), "INVALID_ARGUMENT");
  EXPECT_EQ(Choose("vendor="), "NOT_FOUND");
  EXPECT_EQ(Choose("A2"), "UNAVAILABLE");
}

TEST(ProbeChoiceTest, TheFirstNameThatMatchesAProbeCounts) {
  const ProbeList list{.probes = {Probe("A1"), Probe("A2", "s1:1", kAway), Probe("B1")}, .gap = ""};
  const auto choose = [&list](const std::string& address, const std::string& hardware_id) {
    const auto chosen = ChooseProbe({{"port.address", address}, {"port.hardware_id", hardware_id}}, list);
    return chosen.ok() ? *chosen : std::string(chosen.status().message());
  };
  EXPECT_EQ(choose("/dev/ttyACM0", "b1"), "B1");
  EXPECT_EQ(choose("A1", "B1"), "A1");
  EXPECT_EQ(choose("vendor=bolt", "A1"), "B1");
  EXPECT_EQ(choose("/dev/ttyACM0", "77"),
            "no probe matches port.address \"/dev/ttyACM0\" or port.hardware_id \"77\"; the known probes are: A1, A2, "
            "B1");
  EXPECT_EQ(choose("/dev/ttyACM0", "A2"), "probe A2, which port.hardware_id \"A2\" names, is away");
  EXPECT_EQ(choose("vendor=Acme", "A1"),
            "port.address \"vendor=Acme\" is ambiguous: it matches A1, A2; use a unique ID instead");
}

TEST(ProbeChoiceTest, AProbeThatMovedIsFoundOnTheServerThatHasIt) {
  KnownProbe moved = Probe("A1", "s2:1");
  moved.status.set_location("tcp:new");
  const ProbeList list{.probes = {Probe("A1", "s1:1", kAway), moved, Probe("A1", "s3:1", kAway)}, .gap = ""};
  EXPECT_EQ(Choose("A1", list), "A1");
  EXPECT_EQ(Choose("location=tcp:new", list), "A1");
  EXPECT_EQ(Choose("location=tcp:A1", list), "NOT_FOUND");
  EXPECT_EQ(Choose("A1", {.probes = {list.probes[0], list.probes[2]}, .gap = ""}), "UNAVAILABLE");
}

TEST(ProbeChoiceTest, DoesNotGuessBetweenServers) {
  const ProbeList list{.probes = {Probe("A1", "s1:1"), Probe("A1", "s2:1"), Probe("B1", "s3:1")}, .gap = ""};
  std::string why;
  EXPECT_EQ(Choose("a1", list, &why), "FAILED_PRECONDITION");
  EXPECT_THAT(why, testing::HasSubstr("s1:1, s2:1"));
  EXPECT_EQ(Choose("location=tcp:A1", list), "FAILED_PRECONDITION");
  EXPECT_EQ(Choose("B1", list), "B1");
}

TEST(ProbeChoiceTest, RequiresTheUniqueIdIfAServerDoesNotAnswer) {
  const ProbeList list{.probes = {Probe("A1"), Probe("B1"), Probe("B2", "s1:1", kAway)}, .gap = "s2:1 is gone"};
  EXPECT_EQ(Choose("A1", list), "A1");
  EXPECT_EQ(Choose("unique_id=a1", list), "A1");
  std::string why;
  for (const char* port : {"vendor=Acme", "location=tcp:A1", "vendor=Nobody", "C1", "B2"}) {
    EXPECT_EQ(Choose(port, list, &why), "UNAVAILABLE") << port;
    EXPECT_THAT(why, testing::HasSubstr("s2:1 is gone")) << port;
  }
  EXPECT_EQ(Choose("colour=red", list), "INVALID_ARGUMENT");
}

}  // namespace
}  // namespace probegate
