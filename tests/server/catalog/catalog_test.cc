// The catalog: its probes, how they are found by name, and what happens when they come and go.
#include "server/catalog/catalog.h"

#include <atomic>

#include "gmock/gmock.h"
#include "probe/error.h"
#include "server/catalog/description.h"
#include "tests/base/no_threads.h"
#include "tests/server/server_fixture.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::Status Add(ServerFixture& server, const std::string& unique_id, const std::string& location) {
  auto wire = std::make_shared<FakeWire>(FakeBoardOptions{}, FakeWire::DefaultInfo(unique_id));
  return server.catalog.Add(std::make_unique<FakeProbe>(wire), location, [](const absl::Status&) {});
}

TEST(CatalogTest, ResolvesAUniqueIdOrAnUnambiguousPart) {
  ServerFixture server;
  for (const char* id : {"AB12", "AB13", "AB1", "CD"}) server.Plug(id);
  EXPECT_EQ(*server.catalog.Resolve("AB12"), "AB12");
  EXPECT_EQ(*server.catalog.Resolve("b13"), "AB13");
  EXPECT_EQ(*server.catalog.Resolve("ab1"), "AB1") << "the whole id wins over parts";
  EXPECT_EQ(*server.catalog.Resolve("cd"), "CD");
}

TEST(CatalogTest, AProbeIsRefusedWhileNoThreadCanBeStartedAndCanBeAddedLater) {
  ServerFixture server;
  {
    const NoThreads no_threads;
    const absl::Status refused = Add(server, "PROBE1", "a:1");
    EXPECT_THAT(std::string(refused.message()), HasSubstr("cannot start a thread for the probe"));
    EXPECT_EQ(server.catalog.Find("PROBE1")->problem(), refused.message());
  }
  EXPECT_TRUE(server.IsAway("PROBE1"));
  EXPECT_TRUE(Add(server, "PROBE1", "a:1").ok());
  EXPECT_TRUE(server.catalog.FindLane("PROBE1").ok());
}

TEST(CatalogTest, StopsEvenIfNoMoreThreadsCanBeStarted) {
  ServerFixture server;
  for (const char* id : {"PROBE1", "PROBE2"}) server.Plug(id);
  const NoThreads no_threads;
  server.catalog.Stop("the test is over");
  for (const char* id : {"PROBE1", "PROBE2"}) EXPECT_TRUE(server.IsAway(id));
}

TEST(CatalogTest, AProbeHasLabelsOfItsOwnAndOfTheServer) {
  ServerFixture server({.catalog = {.host = "lab\n1"}});
  ProbeInfo info = FakeWire::DefaultInfo("A1");
  info.labels = {{"board", "micro:bit\x01"}, {"product", "mine"}, {"empty", ""}, {"long", std::string(500, 'x')}};
  for (int i = 0; i < 100; ++i) info.labels["z" + std::to_string(i)] = "v";
  info.settings = {{"clock", "1000", "configuration"}};
  const auto wire = std::make_shared<FakeWire>(FakeBoardOptions{}, info);
  ASSERT_TRUE(server.catalog.Add(std::make_unique<FakeProbe>(wire), "a:1", [](const absl::Status&) {}).ok());
  const v1::ProbeStatus status = *server.catalog.Find("A1");
  const auto& labels = status.description().labels();
  EXPECT_EQ(labels.at("host"), "lab 1");
  EXPECT_EQ(labels.at("vendor"), "Probegate");
  EXPECT_EQ(labels.at("product"), "mine");
  EXPECT_EQ(labels.at("board"), "micro:bit ");
  EXPECT_EQ(labels.at("long").size(), kMaxProbeText);
  EXPECT_FALSE(labels.contains("empty"));
  EXPECT_LE(labels.size(), kMaxLabels + 3);
  ASSERT_EQ(status.settings_size(), 1);
  EXPECT_EQ(status.settings(0).setting() + status.settings(0).value() + status.settings(0).from(),
            "clock1000configuration");
}

TEST(CatalogTest, WhatIsNotServedIsKeptUntilItIsGoneOrServed) {
  ServerFixture server;
  server.catalog.unserved().Note(
      {.location = "usb:1-2", .unique_id = "A1", .vendor_name = "Acme", .product_name = "Acme P", .reason = "old"});
  server.catalog.unserved().Note({.location = "usb:1-2", .unique_id = "A1", .reason = "new\nline"});
  server.catalog.unserved().Note({.location = "usb:1-2", .unique_id = "B2", .reason = "r"});
  server.catalog.unserved().Note(
      {.location = "usb:1-1", .vendor_name = "Acme", .product_name = "Acme P", .reason = "r"});
  const auto unserved = [&server] {
    std::vector<std::string> all;
    for (const v1::UnservedDevice& one : server.catalog.unserved().List()) {
      all.push_back(one.location() + " " + one.unique_id() + " " + one.description() + " " + one.reason());
    }
    return all;
  };
  EXPECT_THAT(unserved(), ElementsAre("usb:1-1  Acme P r", "usb:1-2 A1  new line", "usb:1-2 B2  r"));
  ASSERT_TRUE(Add(server, "A1", "usb:1-2").ok());
  EXPECT_THAT(unserved(), ElementsAre("usb:1-1  Acme P r", "usb:1-2 B2  r"));
  server.catalog.unserved().Forget("usb:1-2");
  EXPECT_THAT(unserved(), ElementsAre("usb:1-1  Acme P r"));
  for (int i = 0; i < 1000; ++i) server.catalog.unserved().Note({.location = "usb:2-" + std::to_string(i)});
  EXPECT_EQ(unserved().size(), 256u);
}

TEST(CatalogTest, AnAmbiguousPartListsTheMatches) {
  ServerFixture server;
  for (const char* id : {"AB12", "AB13", "CD"}) server.Plug(id);
  const absl::Status status = server.catalog.Resolve("AB").status();
  EXPECT_TRUE(IsError(status, ErrorKind::kNotFound));
  EXPECT_THAT(std::string(status.message()), HasSubstr("AB12, AB13"));
  EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("CD")));
}

TEST(CatalogTest, AnUnknownIdListsTheProbes) {
  ServerFixture server;
  EXPECT_THAT(std::string(server.catalog.Resolve("x").status().message()), HasSubstr("none"));
  server.Plug("AB12");
  EXPECT_THAT(std::string(server.catalog.Resolve("x").status().message()), HasSubstr("AB12"));
}

TEST(CatalogTest, AnEmptyNameMeansTheOnlyProbe) {
  ServerFixture server;
  EXPECT_FALSE(server.catalog.Resolve("").ok());
  server.Plug("AB12");
  EXPECT_EQ(*server.catalog.Resolve(""), "AB12");
  server.Plug("AB13");
  EXPECT_FALSE(server.catalog.Resolve("").ok());
}

TEST(CatalogTest, AProbeThatGoesKeepsItsRowAndMayComeBack) {
  ServerFixture server;
  auto wire = std::make_shared<FakeWire>(FakeBoardOptions{}, FakeWire::DefaultInfo("AB12"));
  std::atomic<bool> told = false;
  ASSERT_TRUE(
      server.catalog.Add(std::make_unique<FakeProbe>(wire), "x", [&](const absl::Status&) { told = true; }).ok());
  wire->Unplug();
  ASSERT_TRUE(Eventually([&] { return told.load(); }));
  EXPECT_TRUE(server.IsAway("AB12"));
  EXPECT_NE(server.catalog.Find("AB12")->problem(), "");
  EXPECT_TRUE(IsError(server.catalog.FindLane("AB12").status(), ErrorKind::kProbeDisconnected));
  ASSERT_TRUE(Add(server, "AB12", "y").ok());
  EXPECT_EQ(server.catalog.Find("AB12")->state(), v1::PROBE_STATE_IDLE);
  EXPECT_EQ(server.catalog.Find("AB12")->location(), "y");
  EXPECT_EQ(server.catalog.Find("AB12")->problem(), "");
}

TEST(CatalogTest, TheFirstOfTwoProbesWithTheSameIdIsKept) {
  ServerFixture server;
  ASSERT_TRUE(Add(server, "AB12", "first").ok());
  const absl::Status status = Add(server, "AB12", "second");
  EXPECT_TRUE(IsError(status, ErrorKind::kBusy));
  EXPECT_THAT(std::string(status.message()), HasSubstr("first"));
  EXPECT_EQ(server.catalog.Find("AB12")->location(), "first");
}

TEST(CatalogTest, ServesOnlyTheProbesSelectedByUid) {
  ServerFixture server({.catalog = {.uids = {"ab1", "CD34"}}});
  EXPECT_TRUE(Add(server, "AB12", "x").ok());
  EXPECT_TRUE(Add(server, "CD34", "x").ok());
  EXPECT_TRUE(IsError(Add(server, "EF56", "x"), ErrorKind::kUnsupported));
  EXPECT_EQ(server.catalog.List().size(), 2u);
}

TEST(CatalogTest, APartialUidSelectsOneProbe) {
  ServerFixture server({.catalog = {.uids = {"AB", "AB9"}}});
  EXPECT_TRUE(Add(server, "AB9", "x").ok()) << "listed by its whole id";
  EXPECT_TRUE(Add(server, "AB12", "x").ok());
  const absl::Status status = Add(server, "AB13", "x");
  EXPECT_TRUE(IsError(status, ErrorKind::kBusy));
  EXPECT_THAT(std::string(status.message()), HasSubstr("AB12"));
}

TEST(CatalogTest, StopClosesProbesAndAcceptsNoMore) {
  ServerFixture server;
  const auto wire = server.Plug("AB12");
  v1::OpenSessionRequest request;
  auto opened = server.sessions.Open(request, Caller({"p", "p"}), [](const absl::Status&) {});
  ASSERT_TRUE(opened.ok());
  v1::StreamRequest open;
  open.mutable_open();
  opened->session.session()->Submit(open, [](v1::StreamResponse) {});
  ASSERT_TRUE(Eventually([&] { return wire->is_open(); }));
  server.catalog.Stop("server is shutting down");
  EXPECT_FALSE(wire->is_open());
  EXPECT_FALSE(Add(server, "CD34", "x").ok());
  EXPECT_FALSE(server.catalog.FindLane("AB12").ok());
}

TEST(DescribeTest, NamesAreNotDoubled) {
  ProbeInfo info{.unique_id = "1", .vendor_name = "Arm", .product_name = "arm DAPLink CMSIS-DAP"};
  EXPECT_EQ(Describe(info).description(), "Arm DAPLink CMSIS-DAP");
  info.product_name = "DAPLink";
  EXPECT_EQ(Describe(info).description(), "Arm DAPLink");
  info.product_name = "Armada";
  EXPECT_EQ(Describe(info).description(), "Arm Armada");
  info.vendor_name = "";
  EXPECT_EQ(Describe(info).description(), "Armada");
}

TEST(DescribeTest, CapabilitiesAreInAFixedOrder) {
  ProbeInfo info{.unique_id = "1"};
  EXPECT_THAT(Describe(info).capabilities(),
              ElementsAre(v1::CAPABILITY_SWJ_SEQUENCE, v1::CAPABILITY_BANKED_DP_REGISTERS,
                          v1::CAPABILITY_APV2_ADDRESSES, v1::CAPABILITY_MANAGED_AP_SELECTION));
  EXPECT_THAT(Describe(info).wire_protocols(), ElementsAre(v1::WIRE_PROTOCOL_DEFAULT, v1::WIRE_PROTOCOL_SWD));
  info.features = {.jtag = true, .swd_sequence = true, .swo = true};
  EXPECT_THAT(Describe(info).capabilities(),
              ElementsAre(v1::CAPABILITY_SWJ_SEQUENCE, v1::CAPABILITY_BANKED_DP_REGISTERS,
                          v1::CAPABILITY_APV2_ADDRESSES, v1::CAPABILITY_MANAGED_AP_SELECTION,
                          v1::CAPABILITY_JTAG_SEQUENCE, v1::CAPABILITY_SWD_SEQUENCE, v1::CAPABILITY_SWO));
  EXPECT_THAT(Describe(info).wire_protocols(),
              ElementsAre(v1::WIRE_PROTOCOL_DEFAULT, v1::WIRE_PROTOCOL_SWD, v1::WIRE_PROTOCOL_JTAG));
}

TEST(DescribeTest, StringsAreValidUtf8) {
  const ProbeInfo info{.unique_id = "1\xFF", .vendor_name = "a\nb", .product_name = "\xC3\xA4"};
  EXPECT_EQ(Describe(info).unique_id(), "1?");
  EXPECT_EQ(Describe(info).description(), "a b \xC3\xA4");
}

}  // namespace
}  // namespace probegate
