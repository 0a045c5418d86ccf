// How packets reach a probe on USB, and how a probe that does not answer is handled.
#include "probe/cmsis_dap/usb_transport.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/cmsis_dap/driver.h"
#include "tests/fakes/fake_usb.h"

namespace probegate::cmsis_dap {
namespace {

using namespace std::chrono_literals;
using Packet = UsbWire::Packet;
using testing::ElementsAre;
using testing::HasSubstr;

// A device that identifies itself and carries out every command.
std::vector<Packet> Answer(const Packet& request) {
  if (request[0] == 0x07) return {};
  if (request[0] != 0x00) return {{request[0], 0}};
  switch (request[1]) {
    case 0xF0:
      return {{0, 1, 1}};
    case 0xFE:
      return {{0, 1, 4}};
    case 0xFF:
      return {{0, 2, 0x00, 0x02}};
    default:
      return {{0, 2, 'X', 0}};
  }
}

absl::Status Stall() { return MakeError(ErrorKind::kProbeError, "it refuses (STALL)"); }

class UsbTransportTest : public testing::Test {
 protected:
  ~UsbTransportTest() override {
    transport.reset();
    EXPECT_EQ(state->open, 0);
    EXPECT_EQ(state->claims, 0);
    EXPECT_EQ(state->pipes, 0);
  }

  absl::Status Open(const usb::DeviceInfo& info = BulkProbeInfo("1-1", "A")) {
    auto opened = OpenUsb(OpenFakeUsb(state), FindUsbFunctions(info).at(0), "usb:1-1");
    if (!opened.ok()) return opened.status();
    transport = *std::move(opened);
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Probe>> OpenDriver() {
    if (absl::Status status = Open(); !status.ok()) return status;
    return OpenCmsisDap(std::move(transport), {.reply_timeout = 1ms});
  }
  // Sends `request` and returns the device's answer; empty if there is none.
  absl::StatusOr<Packet> Exchange(const Packet& request) {
    if (absl::Status sent = transport->Send(request); !sent.ok()) return sent;
    const auto reply = transport->Receive({});
    if (!reply.ok()) return reply.status();
    return *reply ? Packet((*reply)->begin(), (*reply)->end()) : Packet();
  }

  std::function<std::vector<Packet>(const Packet&)> answer = Answer;
  std::shared_ptr<FakeUsbState> state = std::make_shared<FakeUsbState>(
      std::make_unique<ScriptedUsbWire>([this](const Packet& request) { return answer(request); }));
  ScriptedUsbWire& wire = static_cast<ScriptedUsbWire&>(*state->wire);
  std::unique_ptr<Transport> transport;
};

TEST_F(UsbTransportTest, ClaimsTheInterfaceAndAsksForThePacketSize) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(transport->max_packet_size(), 512u);
  EXPECT_THAT(state->done, ElementsAre("claim 1"));
  EXPECT_THAT(*Exchange({0x11, 1, 2, 3, 4}), ElementsAre(0x11, 0));
  EXPECT_THAT(state->sent.back(), ElementsAre(0x11, 1, 2, 3, 4));
  EXPECT_EQ(state->reads.back(), 512u);
}

TEST_F(UsbTransportTest, BytesLeftByAnEarlierUserAreDiscarded) {
  wire.ready = {{0x00, 0x02, 0x40, 0x00}, {0x05, 1, 1}};
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(transport->max_packet_size(), 512u);
  EXPECT_THAT(*Exchange({0x11}), ElementsAre(0x11, 0));
}

TEST_F(UsbTransportTest, ReadsAreWholePacketsOfTheEndpoint) {
  answer = [](const Packet& request) {
    return request == Packet{0x00, 0xFF} ? std::vector<Packet>{{0, 2, 64, 0}} : Answer(request);
  };
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(transport->max_packet_size(), 64u);
  ASSERT_TRUE(Exchange({0x11}).ok());
  EXPECT_EQ(state->reads.back(), 512u);  // a shorter read would overflow
}

TEST_F(UsbTransportTest, OnlyARequestShorterThanTheDevicesPacketsEndsShort) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(transport->Send(Packet(511, 1)).ok());
  EXPECT_TRUE(state->ended_short.back());
  ASSERT_TRUE(transport->Send(Packet(512, 1)).ok());
  EXPECT_FALSE(state->ended_short.back());
}

TEST_F(UsbTransportTest, ADeviceThatReportsNoUsablePacketSizeHasTheUsualOne) {
  for (const Packet& size : {Packet{0, 2, 0, 0}, Packet{0, 2, 31, 0}, Packet{0, 2, 0xFF, 0xFF}, Packet{0, 0},
                             Packet{0, 200, 1}, Packet{0xFF}, Packet{0}}) {
    answer = [&size](const Packet&) { return std::vector<Packet>{size}; };
    ASSERT_TRUE(Open().ok()) << testing::PrintToString(size);
    EXPECT_EQ(transport->max_packet_size(), 64u) << testing::PrintToString(size);
  }
}

TEST_F(UsbTransportTest, AGivenPacketSizeReplacesTheDevicesOwn) {
  for (const auto& [given, size] : {std::pair<size_t, size_t>{64, 64}, {1024, 1024}, {0, 512}, {1 << 20, 512}}) {
    auto opened = OpenUsb(OpenFakeUsb(state), FindUsbFunctions(BulkProbeInfo("1-1", "A")).at(0), "usb:1-1", given);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ((*opened)->max_packet_size(), size) << given;
  }
}

TEST_F(UsbTransportTest, ADeviceThatDoesNotAnswerTheFirstQuestionIsRefused) {
  for (const Packet& reply : {Packet{}, Packet{0x05, 1, 1}}) {
    answer = [&reply](const Packet&) { return std::vector<Packet>{reply}; };
    EXPECT_TRUE(IsError(Open(), ErrorKind::kProbeError)) << testing::PrintToString(reply);
  }
  answer = [](const Packet&) { return std::vector<Packet>{}; };
  EXPECT_THAT(std::string(Open().message()), HasSubstr("does not answer"));
}

TEST_F(UsbTransportTest, AnInterfaceInUseByAnotherProgramCannotBeClaimed) {
  state->claim_error = MakeError(ErrorKind::kBusy, "another program uses it");
  EXPECT_TRUE(IsError(Open(), ErrorKind::kBusy));
}

TEST_F(UsbTransportTest, SeveralPacketsAreInFlightAtOnce) {
  ASSERT_TRUE(Open().ok());
  for (uint8_t i = 0; i < 4; ++i) ASSERT_TRUE(transport->Send(Packet{static_cast<uint8_t>(0x10 + i)}).ok());
  EXPECT_GE(state->most_reads, 4u);
  for (uint8_t i = 0; i < 4; ++i) EXPECT_EQ((**transport->Receive({}))[0], 0x10 + i);
}

TEST_F(UsbTransportTest, ReadsDoNotPileUp) {
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(transport->Send(Packet{0x07}).ok());
  EXPECT_LE(state->most_reads, 32u);
}

TEST_F(UsbTransportTest, ADeviceThatAcceptsNoDataIsGivenUp) {
  ASSERT_TRUE(Open().ok());
  state->takes_data = false;
  absl::Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) status = transport->Send(Packet{0x11});
  EXPECT_TRUE(IsError(status, ErrorKind::kProbeDisconnected));
  EXPECT_EQ(transport->cause(), DisconnectCause::kNotAnswering);
}

TEST_F(UsbTransportTest, AStallIsCleared) {
  ASSERT_TRUE(Open().ok());
  state->in_errors = {Stall()};
  EXPECT_TRUE(IsError(Exchange({0x11}).status(), ErrorKind::kProbeError));
  EXPECT_THAT(state->done, ElementsAre("claim 1", "clear 82"));
  EXPECT_TRUE(transport->CheckPresent().ok());
  state->out_errors = {Stall()};
  EXPECT_TRUE(IsError(transport->Send(Packet{0x11}), ErrorKind::kProbeError));  // the error of the previous transfer
  EXPECT_TRUE(transport->Send(Packet{0x11}).ok());
  EXPECT_THAT(state->done, ElementsAre("claim 1", "clear 82", "clear 02"));
}

TEST_F(UsbTransportTest, UnpluggingIsNoticedWhileIdle) {
  ASSERT_TRUE(Open().ok());
  state->present = false;
  EXPECT_TRUE(IsError(transport->CheckPresent(), ErrorKind::kProbeDisconnected));
  EXPECT_EQ(transport->cause(), DisconnectCause::kLinkClosed);
  state->present = true;  // although it is gone for good
  EXPECT_TRUE(IsError(transport->CheckPresent(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(transport->Send(Packet{0x11}), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(transport->Restore(1).status(), ErrorKind::kProbeDisconnected));
}

TEST_F(UsbTransportTest, UnpluggingIsNoticedWhileWaitingForAReply) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(transport->Send(Packet{0x11}).ok());
  state->present = false;
  const auto reply = transport->Receive({});
  EXPECT_TRUE(IsError(reply.status(), ErrorKind::kProbeDisconnected));
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("usb:1-1: it was unplugged"));
}

TEST_F(UsbTransportTest, RestoresTheLinkHarderEachTime) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(transport->Send(Packet{0x11}).ok());
  ASSERT_TRUE(transport->Restore(1).ok());
  EXPECT_THAT(state->done, ElementsAre("claim 1", "claim 1", "clear 02", "clear 82"));
  EXPECT_EQ(state->claims, 1);
  ASSERT_TRUE(transport->Restore(2).ok());
  EXPECT_THAT(state->done,
              ElementsAre("claim 1", "claim 1", "clear 02", "clear 82", "reset", "claim 1", "clear 02", "clear 82"));
  EXPECT_THAT(*Exchange({0x11}), ElementsAre(0x11, 0));  // not mistaken for the reply to the earlier request
}

TEST_F(UsbTransportTest, ADeviceThatCannotBeClaimedAgainIsGone) {
  ASSERT_TRUE(Open().ok());
  state->claim_error = MakeError(ErrorKind::kBusy, "another program uses it");
  EXPECT_TRUE(IsError(transport->Restore(1).status(), ErrorKind::kProbeDisconnected));
  EXPECT_EQ(transport->cause(), DisconnectCause::kLinkError);
}

TEST_F(UsbTransportTest, TheDriverResetsAHungDeviceBeforeItGivesUp) {
  auto probe = OpenDriver();
  ASSERT_TRUE(probe.ok()) << probe.status();
  bool hangs = true;
  answer = [&hangs](const Packet& request) { return hangs ? std::vector<Packet>{} : Answer(request); };
  state->resets_help = true;
  state->on_reset = [&hangs] { hangs = false; };
  EXPECT_TRUE(IsError((*probe)->SetClock(1'000'000).status(), ErrorKind::kProbeError));
  EXPECT_TRUE((*probe)->SetClock(2'000'000).ok());
  hangs = true;
  state->resets_help = false;
  EXPECT_TRUE(IsError((*probe)->SetClock(3'000'000).status(), ErrorKind::kProbeDisconnected));
}

TEST_F(UsbTransportTest, TheDriverFindsItsPlaceAfterFailedTransfers) {
  auto probe = OpenDriver();
  ASSERT_TRUE(probe.ok()) << probe.status();
  state->in_errors = {Stall()};
  EXPECT_TRUE(IsError((*probe)->SetClock(4'000'000).status(), ErrorKind::kProbeError));
  EXPECT_TRUE((*probe)->SetClock(5'000'000).ok());
  // A reply that is longer than a packet can be.
  wire.ready = {Packet(513, 0x11)};
  EXPECT_TRUE(IsError((*probe)->SetClock(6'000'000).status(), ErrorKind::kProbeError));
  EXPECT_TRUE((*probe)->SetClock(7'000'000).ok());
}

// SWO on the third endpoint.
class UsbTraceTest : public UsbTransportTest {
 protected:
  // The bytes that are available now, or the error.
  absl::StatusOr<Packet> Take(size_t most = 4096) {
    Packet bytes;
    const auto more = transport->trace()->Take(bytes, most);
    if (!more.ok()) return more.status();
    return bytes;
  }
};

TEST_F(UsbTraceTest, ExistsIfTheEndpointDoes) {
  ASSERT_TRUE(Open().ok());
  EXPECT_NE(transport->trace(), nullptr);
  usb::DeviceInfo info = BulkProbeInfo("1-1", "A");
  info.configuration.interfaces[0].endpoints.pop_back();
  ASSERT_TRUE(Open(info).ok());
  EXPECT_EQ(transport->trace(), nullptr);
}

TEST_F(UsbTraceTest, ReturnsBytesInOrderAndNoneFromBefore) {
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(*Take(), testing::IsEmpty());
  state->trace = {Packet(512, 'o'), {'l', 'd'}};
  ASSERT_TRUE(transport->trace()->Start().ok());
  EXPECT_THAT(*Take(), testing::IsEmpty());
  state->trace = {{'a', 'b'}, {'c'}, {}, {'d'}};
  EXPECT_THAT(*Take(), ElementsAre('a', 'b', 'c', 'd'));
  for (const size_t size : state->reads) EXPECT_EQ(size, 512u);
  EXPECT_LE(state->most_reads, 64u);
  state->trace = {Packet(512, 'x'), Packet(512, 'y'), Packet(3, 'z')};
  Packet bytes;
  EXPECT_TRUE(*transport->trace()->Take(bytes, 1000));
  EXPECT_EQ(bytes.size(), 1024u);
  EXPECT_FALSE(*transport->trace()->Take(bytes, 1000));
  EXPECT_EQ(bytes.size(), 1027u);
  transport->trace()->Stop();
  state->trace = {{'a'}};
  EXPECT_THAT(*Take(), testing::IsEmpty());
}

TEST_F(UsbTraceTest, BytesBeforeAnErrorAreReturnedFirst) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(transport->trace()->Start().ok());
  state->trace = {{'a'}, {'b'}};
  state->trace_errors = {absl::OkStatus(), Stall()};
  EXPECT_THAT(*Take(), ElementsAre('a'));
  EXPECT_TRUE(IsError(Take().status(), ErrorKind::kProbeError));
  EXPECT_EQ(state->done.back(), "clear 83");
  EXPECT_THAT(*Take(), ElementsAre('b'));
}

TEST_F(UsbTraceTest, AnEarlierStallIsCleared) {
  ASSERT_TRUE(Open().ok());
  state->trace_errors = {Stall()};
  ASSERT_TRUE(transport->trace()->Start().ok());
  EXPECT_EQ(state->done.back(), "clear 83");
  state->trace = {{'b'}};
  EXPECT_THAT(*Take(), ElementsAre('b'));
}

TEST_F(UsbTraceTest, ContinuesAfterTheLinkWasRestoredAndReportsTheLoss) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(transport->trace()->Start().ok());
  EXPECT_FALSE(*transport->Restore(1));
  EXPECT_TRUE(IsError(Take().status(), ErrorKind::kProbeError));
  state->trace = {{'b'}};
  EXPECT_THAT(*Take(), ElementsAre('b'));
  EXPECT_TRUE(*transport->Restore(2));
  transport->trace()->Stop();
  ASSERT_TRUE(transport->Restore(1).ok());
  EXPECT_THAT(*Take(), testing::IsEmpty());
}

TEST_F(UsbTraceTest, UnpluggingEndsTheStream) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(transport->trace()->Start().ok());
  state->present = false;
  EXPECT_TRUE(IsError(Take().status(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(transport->trace()->Start(), ErrorKind::kProbeDisconnected));
  EXPECT_EQ(transport->cause(), DisconnectCause::kLinkClosed);
}

// HID: reports of a fixed size in both directions.
class HidTransportTest : public UsbTransportTest {
 protected:
  HidTransportTest() {
    state->report_size = 64;
    state->report_descriptor = {0x75, 0x08, 0x95, 0x40, 0x81, 0x02, 0x91, 0x02};
  }
};

TEST_F(HidTransportTest, RequestsAreSentAsReports) {
  ASSERT_TRUE(Open(HidProbeInfo("1-1", "A")).ok());
  EXPECT_EQ(transport->max_packet_size(), 64u);
  const auto reply = Exchange({0x11, 7});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->size(), 64u);
  ASSERT_EQ(state->sent.back().size(), 64u);
  EXPECT_EQ(state->sent.back()[1], 7);
  EXPECT_EQ(state->sent.back()[2], 0);
}

TEST_F(HidTransportTest, WithoutAnOutEndpointRequestsUseTheControlEndpoint) {
  usb::DeviceInfo info = HidProbeInfo("1-1", "A");
  info.configuration.interfaces[0].endpoints.pop_back();
  ASSERT_TRUE(Open(info).ok());
  ASSERT_TRUE(Exchange({0x11, 7}).ok());
  EXPECT_THAT(state->done, ElementsAre("claim 3", "report"));
  EXPECT_EQ(state->sent.back().size(), 64u);
}

TEST_F(HidTransportTest, UndescribedReportsAreAsLongAsPackets) {
  state->report_descriptor.clear();
  ASSERT_TRUE(Open(HidProbeInfo("1-1", "A")).ok());
  EXPECT_EQ(transport->max_packet_size(), 64u);
}

TEST_F(HidTransportTest, ADeviceWithUnusableReportsIsRefused) {
  state->report_descriptor = {0x75, 0x08, 0x95, 0x40, 0x81, 0x02};
  EXPECT_TRUE(IsError(Open(HidProbeInfo("1-1", "A")), ErrorKind::kProbeError));
}

// If no command fits into a report, transfers would have no words.
TEST_F(HidTransportTest, ADeviceWithReportsShorterThanPacketsIsRefused) {
  struct Row {
    uint8_t input;
    uint8_t output;
  };
  for (const auto [input, output] : {Row{8, 8}, Row{8, 64}, Row{64, 8}, Row{63, 63}, Row{64, 1}, Row{1, 1}}) {
    state->report_descriptor = {0x75, 0x08, 0x95, input, 0x81, 0x02, 0x95, output, 0x91, 0x02};
    state->report_size = input;
    const absl::Status status = Open(HidProbeInfo("1-1", "A"));
    EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << int{input} << " in, " << int{output} << " out: " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("HID reports"));
  }
  EXPECT_TRUE(state->sent.empty());
}

TEST_F(HidTransportTest, ADeviceWithUndescribedReportsAndSmallPacketsIsRefused) {
  state->report_descriptor.clear();
  for (const size_t small : {0, 1}) {
    usb::DeviceInfo info = HidProbeInfo("1-1", "A");
    info.configuration.interfaces[0].endpoints[small].max_packet = 8;
    EXPECT_TRUE(IsError(Open(info), ErrorKind::kProbeError)) << small;
  }
}

TEST_F(HidTransportTest, InputReportsAreReadWholeIfOutputReportsAreShorter) {
  state->report_descriptor = {0x75, 0x08, 0x96, 0x00, 0x01, 0x81, 0x02, 0x95, 0x40, 0x91, 0x02};
  state->report_size = 256;
  ASSERT_TRUE(Open(HidProbeInfo("1-1", "A")).ok());
  EXPECT_EQ(transport->max_packet_size(), 64u);
  const auto reply = Exchange({0x11, 7});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->size(), 256u);
  EXPECT_EQ(state->reads.back(), 256u);
  EXPECT_EQ(state->sent.back().size(), 64u);
}

TEST_F(HidTransportTest, TheDriverIgnoresThePaddingAfterAReply) {
  ASSERT_TRUE(Open(HidProbeInfo("1-1", "A")).ok());
  auto probe = OpenCmsisDap(std::move(transport), {.reply_timeout = 1ms});
  ASSERT_TRUE(probe.ok()) << probe.status();
  bool lost = true;
  uint8_t junk = 0;
  answer = [&](const Packet& request) {
    if (std::exchange(lost, false)) return std::vector<Packet>{};
    std::vector<Packet> replies = Answer(request);
    for (Packet& reply : replies) reply.resize(64, ++junk);
    return replies;
  };
  EXPECT_TRUE(IsError((*probe)->SetClock(8'000'000).status(), ErrorKind::kProbeError));
  EXPECT_TRUE((*probe)->SetClock(9'000'000).ok());
}

TEST(UsbDriverTest, NamesFromUsbReplaceTheProbesOwn) {
  auto state = std::make_shared<FakeUsbState>(std::make_unique<ScriptedUsbWire>(Answer));
  std::vector<std::string> wrapped;
  const auto wrap = [&wrapped](std::unique_ptr<Transport> transport, const std::string& name) {
    wrapped.push_back(name);
    return transport;
  };
  const auto functions = UsbDriver(wrap, ProbeRules())(BulkProbeInfo("1-4.2", "A")).functions;
  ASSERT_EQ(functions.size(), 1u);
  EXPECT_EQ(functions[0].interface, 1);
  const auto probe = functions[0].open(OpenFakeUsb(state), {.unique_id = "A", .product_name = "P"});
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_EQ((*probe)->info().unique_id, "A");
  EXPECT_EQ((*probe)->info().product_name, "P");
  EXPECT_EQ((*probe)->info().vendor_name, "X");
  EXPECT_THAT(wrapped, ElementsAre("usb:1-4.2"));
}

std::unique_ptr<Transport> Unwrapped(std::unique_ptr<Transport> transport, const std::string&) { return transport; }

usb::Finding Find(const usb::DeviceInfo& device, const ProbeRule& rule) {
  return UsbDriver(Unwrapped, ProbeRules({rule}))(device);
}

TEST(UsbDriverTest, SettingsChooseTheVersionOrIgnoreTheDevice) {
  usb::DeviceInfo both = HidProbeInfo("1-1", "A");
  both.configuration.interfaces.push_back(BulkProbeInfo("1-1", "A").configuration.interfaces[0]);
  const auto find = [&both](DapUse use) {
    return Find(both, {.match = {.uid = "A"}, .settings = {.cmsis_dap = use}, .from = "configuration"});
  };
  EXPECT_EQ(find(DapUse::kV1).functions.at(0).interface, 3);
  EXPECT_EQ(find(DapUse::kV2).functions.at(0).interface, 1);
  EXPECT_TRUE(find(DapUse::kIgnore).functions.empty());
  EXPECT_EQ(find(DapUse::kIgnore).unserved, "it is ignored because of cmsis-dap: ignore (configuration)");
  both.configuration.interfaces.erase(both.configuration.interfaces.begin());
  EXPECT_THAT(find(DapUse::kV1).unserved,
              HasSubstr("no interface of the version that is set by cmsis-dap: v1 (configuration)"));
}

TEST(UsbDriverTest, VendorAndProductMakeADeviceWithoutTheNameAProbe) {
  const auto rule = [](UsbId id) { return ProbeRule{.match = {.usb = id}, .settings = {}, .from = "configuration"}; };
  for (usb::DeviceInfo device : {BulkProbeInfo("1-1", "A"), HidProbeInfo("1-1", "A")}) {
    device.product = device.configuration.interfaces[0].name = "Thing";
    EXPECT_EQ(Find(device, rule({0x0d28, 0x0204})).functions.size(), 1u);
    EXPECT_TRUE(Find(device, rule({0x0d28, 0x0205})).functions.empty());
    EXPECT_EQ(Find(device, rule({0x0d28, 0x0205})).unserved, "");
    device.configuration.interfaces[0].endpoints.clear();
    device.configuration.interfaces[0].interface_class = 0x0A;
    EXPECT_THAT(Find(device, rule({0x0d28, 0x0204})).unserved, HasSubstr("vendor and product say CMSIS-DAP, but none"));
  }
}

TEST(UsbDriverTest, SettingsReachTheProbe) {
  auto state = std::make_shared<FakeUsbState>(std::make_unique<ScriptedUsbWire>(Answer));
  const auto found = Find(BulkProbeInfo("1-4.2", ""), {.match = {.uid = "0D28:0204@1-4.2"},
                                                       .settings = {.packet_count = 2,
                                                                    .packet_size = 4096,
                                                                    .clock = 2'000'000,
                                                                    .clock_max = 4'000'000,
                                                                    .serial = "BENCH-3",
                                                                    .labels = {{"rack", "left"}, {"board", "mine"}}},
                                                       .from = "configuration"});
  ASSERT_EQ(found.functions.size(), 1u);
  EXPECT_EQ(found.functions[0].known.unique_id, "BENCH-3");
  const auto probe = found.functions[0].open(OpenFakeUsb(state), {.unique_id = "BENCH-3"});
  ASSERT_TRUE(probe.ok()) << probe.status();
  const ProbeInfo& info = (*probe)->info();
  EXPECT_EQ(info.unique_id, "BENCH-3");
  // The device answers every question with X.
  EXPECT_EQ(info.labels,
            (std::map<std::string, std::string>{
                {"board", "mine"}, {"board-vendor", "X"}, {"rack", "left"}, {"target", "X"}, {"target-vendor", "X"}}));
  std::vector<std::string> applied;
  for (const AppliedSetting& one : info.settings) {
    if (one.setting.starts_with("packet")) applied.push_back(one.setting + "=" + one.value + " " + one.from);
  }
  EXPECT_THAT(applied, ElementsAre("packet-count=2 configuration", "packet-size=512 configuration"))
      << "a packet is never longer than the transport's";
}

TEST(UsbDriverTest, ARuleMayBeForOneOfSeveralProbesInADevice) {
  usb::DeviceInfo device = BulkProbeInfo("1-1", "A");
  device.configuration.interfaces.push_back(device.configuration.interfaces[0]);
  device.configuration.interfaces[1].number = 4;
  const auto functions =
      Find(device, {.match = {.uid = "A-if4"}, .settings = {.serial = "FOUR"}, .from = "configuration"}).functions;
  ASSERT_EQ(functions.size(), 2u);
  EXPECT_EQ(functions[0].known.unique_id, "");
  EXPECT_EQ(functions[1].known.unique_id, "FOUR");
}

}  // namespace
}  // namespace probegate::cmsis_dap
