#include "debug/probe_choice.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

v1::ListProbesResponse Probes() {
  v1::ListProbesResponse probes;
  for (const char* id : {"A1", "A2", "B1"}) {
    v1::ProbeStatus& probe = *probes.add_probes();
    probe.mutable_description()->set_unique_id(id);
    probe.mutable_description()->set_vendor_name(id[0] == 'A' ? "Acme" : "Bolt");
    probe.set_location(std::string("tcp:") + id);
    probe.set_state(v1::PROBE_STATE_IDLE);
  }
  probes.mutable_probes(1)->set_state(v1::PROBE_STATE_AWAY);
  return probes;
}

std::string Choose(const std::string& port) {
  const auto chosen = ChooseProbe(port, Probes());
  return chosen.ok() ? *chosen : absl::StatusCodeToString(chosen.status().code());
}

TEST(ProbeChoiceTest, ByIdOrByAProperty) {
  EXPECT_EQ(Choose("A1"), "A1");
  EXPECT_EQ(Choose("b1"), "B1");
  EXPECT_EQ(Choose("unique_id=A1"), "A1");
  EXPECT_EQ(Choose("VENDOR=bolt"), "B1");
  EXPECT_EQ(Choose("location=tcp:A1"), "A1");
}

TEST(ProbeChoiceTest, SaysWhatIsWrong) {
  EXPECT_EQ(Choose(""), "INVALID_ARGUMENT");
  EXPECT_EQ(Choose("A"), "NOT_FOUND");
  EXPECT_EQ(Choose("vendor=Acme"), "INVALID_ARGUMENT");
  EXPECT_EQ(Choose("colour=red"), "INVALID_ARGUMENT");
  EXPECT_EQ(Choose("vendor="), "NOT_FOUND");
  EXPECT_EQ(Choose("A2"), "UNAVAILABLE");
}

}  // namespace
}  // namespace probegate
