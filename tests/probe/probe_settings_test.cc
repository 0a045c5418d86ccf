// Settings for single probes: which rules apply, which of them wins, and the table of known quirks.
#include "probe/cmsis_dap/probe_settings.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/cmsis_dap/quirks.h"

namespace probegate::cmsis_dap {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

ProbeRule Rule(ProbeMatch match, uint32_t packet_count, const std::string& from) {
  return {.match = std::move(match), .settings = {.packet_count = packet_count}, .from = from};
}

ProbeTraits Traits() {
  return {
      .uids = {"7A22", "7A22@1-4.2"}, .usb = UsbId{0x1234, 0xABCD}, .product = "A Thing", .version = DapVersion::kV2};
}

std::optional<uint32_t> CountFor(const ProbeMatch& match, const ProbeTraits& traits = Traits()) {
  return ProbeRules({Rule(match, 3, "configuration")}).For(traits).settings.packet_count;
}

TEST(ProbeRules, AMatchNeedsEverythingThatIsGiven) {
  const UsbId usb{0x1234, 0xABCD};
  for (const ProbeMatch& match : {
           ProbeMatch{.uid = "7A22"},
           ProbeMatch{.uid = "7a22"},
           ProbeMatch{.uid = "7A22@1-4.2"},
           ProbeMatch{.usb = usb},
           ProbeMatch{.product = "a thing"},
           ProbeMatch{.product = "*THING"},
           ProbeMatch{.product = "A ?hing"},
           ProbeMatch{.version = DapVersion::kV2},
           ProbeMatch{.uid = "7A22", .usb = usb, .product = "*", .version = DapVersion::kV2},
       }) {
    EXPECT_EQ(CountFor(match), 3u) << match.uid << " " << match.product;
  }
  for (const ProbeMatch& match : {
           ProbeMatch{.uid = "7A2"},
           ProbeMatch{.uid = "7A222"},
           ProbeMatch{.usb = UsbId{0x1234, 0xABCE}},
           ProbeMatch{.product = "Thing"},
           ProbeMatch{.version = DapVersion::kV1},
           ProbeMatch{.uid = "7A22", .usb = UsbId{0x1235, 0xABCD}},
           ProbeMatch{.uid = "7A22", .product = "Other"},
       }) {
    EXPECT_EQ(CountFor(match), std::nullopt) << match.uid << " " << match.product;
  }
}

TEST(ProbeRules, WhatIsNotKnownDoesNotMatch) {
  EXPECT_EQ(CountFor({.usb = UsbId{}}, {.uids = {"X"}}), std::nullopt);
  EXPECT_EQ(CountFor({.version = DapVersion::kV1}, {.uids = {"X"}}), std::nullopt);
  EXPECT_EQ(CountFor({.product = "?*"}, {.uids = {"X"}}), std::nullopt);
}

TEST(ProbeRules, TheFirstRuleThatHasASettingDecides) {
  ProbeRule first = Rule({.product = "A*"}, 2, "first");
  first.settings.labels = {{"rack", "left"}};
  ProbeRule second = Rule({.uid = "7A22"}, 4, "second");
  second.settings.clock = 500'000;
  second.settings.labels = {{"rack", "right"}, {"shelf", "3"}};
  const ChosenSettings chosen = ProbeRules({first, second}).For(Traits());
  EXPECT_EQ(chosen.settings.packet_count, 2u);
  EXPECT_EQ(chosen.settings.clock, 500'000u);
  EXPECT_EQ(chosen.settings.labels, (std::map<std::string, std::string>{{"rack", "left"}, {"shelf", "3"}}));
  std::vector<std::string> applied;
  for (const AppliedSetting& one : chosen.applied) {
    applied.push_back(one.setting + "=" + one.value + " from " + one.from);
  }
  EXPECT_THAT(applied, testing::ElementsAre("packet-count=2 from first", "label rack=left from first",
                                            "clock=500000 from second", "label shelf=3 from second"));
}

TEST(ProbeRules, AnEntryByVendorAndProductMakesADeviceAProbe) {
  EXPECT_TRUE(ProbeRules({Rule({.usb = UsbId{0x1234, 0xABCD}}, 1, "")}).For(Traits()).named_by_usb_id);
  EXPECT_FALSE(ProbeRules({Rule({.uid = "7A22"}, 1, "")}).For(Traits()).named_by_usb_id);
  EXPECT_FALSE(ProbeRules({Rule({.usb = UsbId{0x1234, 0}}, 1, "")}).For(Traits()).named_by_usb_id);
}

// What a probe that a known quirk is about looks like.
ProbeTraits Example(const ProbeMatch& match) {
  std::string product = match.product;
  for (char& c : product) c = c == '*' || c == '?' ? 'x' : c;
  return {.uids = {"7A22"}, .usb = match.usb, .product = product, .version = match.version};
}

TEST(KnownQuirks, EachRowAppliesAndNamesItsSource) {
  ASSERT_THAT(KnownQuirks(), testing::Not(IsEmpty()));
  for (const ProbeRule& quirk : KnownQuirks()) {
    EXPECT_THAT(quirk.from,
                AllOf(StartsWith("known quirk: "), AnyOf(HasSubstr("github.com/"), HasSubstr("probe-rs: "))));
    EXPECT_TRUE(quirk.match.uid.empty()) << "a quirk is of a kind of probe: " << quirk.from;
    EXPECT_TRUE(quirk.match.usb || !quirk.match.product.empty()) << quirk.from;
    const ChosenSettings chosen = ProbeRules().For(Example(quirk.match));
    EXPECT_EQ(chosen.named_by_usb_id, quirk.match.usb.has_value()) << quirk.from;
    for (const SettingRow& row : SettingRows()) {
      const std::string value = row.text(quirk.settings);
      if (value.empty()) continue;
      EXPECT_EQ(row.text(chosen.settings), value) << row.name << ", " << quirk.from;
    }
  }
}

TEST(KnownQuirks, TheConfigurationWins) {
  for (const ProbeRule& quirk : KnownQuirks()) {
    const ProbeTraits traits = Example(quirk.match);
    const ChosenSettings chosen = ProbeRules({Rule({.uid = "7A22"}, 7, "configuration")}).For(traits);
    EXPECT_EQ(chosen.settings.packet_count, 7u) << quirk.from;
    EXPECT_EQ(chosen.applied.front().from, "configuration") << quirk.from;
  }
}

TEST(KnownQuirks, OtherProbesHaveNone) {
  const ChosenSettings chosen =
      ProbeRules().For({.uids = {"7A22"}, .usb = UsbId{0x2e8a, 0x000c}, .product = "Debug Probe (CMSIS-DAP)"});
  EXPECT_THAT(chosen.applied, IsEmpty());
  EXPECT_FALSE(chosen.named_by_usb_id);
}

TEST(SettingRows, EachSettingIsTakenAndShown) {
  const ProbeSettings all{.packet_count = 1,
                          .packet_size = 64,
                          .clock = 1'000'000,
                          .clock_max = 2'000'000,
                          .serial = "S",
                          .cmsis_dap = DapUse::kIgnore,
                          .jtag_chain = JtagChainSetting{.ir_lengths = {4, 5}, .device = 0}};
  std::vector<std::string> shown;
  ProbeSettings copy;
  for (const SettingRow& row : SettingRows()) {
    EXPECT_EQ(row.text(copy), "") << row.name;
    row.take(copy, all);
    row.take(copy, ProbeSettings());
    shown.push_back(std::string(row.name) + ": " + row.text(copy));
  }
  EXPECT_THAT(shown, testing::ElementsAre("packet-count: 1", "packet-size: 64", "clock: 1000000", "clock-max: 2000000",
                                          "serial: S", "cmsis-dap: ignore", "jtag-chain: ir-lengths 4 5, device 0"));
  ProbeSettings others{.cmsis_dap = DapUse::kV1, .jtag_chain = JtagChainSetting{.device = 2}};
  EXPECT_EQ(SettingRows()[5].text(others), "v1");
  EXPECT_EQ(SettingRows()[6].text(others), "device 2");
}

TEST(UsbIds, HaveFourDigitsEach) {
  EXPECT_EQ(ParseUsbId("0d28:0204"), (UsbId{0x0d28, 0x0204}));
  EXPECT_EQ(ParseUsbId("FFFF:000A"), (UsbId{0xFFFF, 10}));
  EXPECT_EQ(ToText({0xFFFF, 10}), "ffff:000a");
  for (const char* text : {"", ":", "0d28", "0d28:", "d28:0204", "0d28:02040", "0x0d:0204", "0d28:020g", "-d28:0204",
                           "0d28:0204 ", "0d28-0204"}) {
    EXPECT_EQ(ParseUsbId(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace probegate::cmsis_dap
