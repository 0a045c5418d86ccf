// How the CMSIS-DAP driver finds the TAPs in a JTAG chain, and what it says if it cannot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe/adi/link.h"
#include "probe/adi/registers.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/jtag_chain.h"
#include "probe/cmsis_dap/jtag_commands.h"
#include "probe/error.h"
#include "tests/fakes/fake_jtag_chain.h"
#include "tests/fakes/fake_transport.h"

namespace probegate::cmsis_dap {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Bytes = std::vector<uint8_t>;

constexpr uint32_t kDpidr = 0x2BA01477;
constexpr FakeTap kDap = FakeTap::ArmDap();
constexpr FakeTap kBoundaryScan = {.ir_length = 5, .idcode = 0x06413041};
constexpr FakeTap kWithoutIdcode = {.ir_length = 7};

struct NoAcks : ProbeObserver {
  void OnPacket(size_t, size_t, size_t) override {}
  void OnWait() override {}
  void OnFault() override {}
  void OnNoAck() override { ++count; }
  void OnRetry() override {}
  void OnAssumption(std::string_view what) override { assumptions.emplace_back(what); }
  void OnDisconnect(DisconnectCause) override {}
  int count = 0;
  std::vector<std::string> assumptions;
};

// A probe on a chain of TAPs, of which number `dap` is a debug port.
class OnChain {
 public:
  explicit OnChain(std::vector<FakeTap> taps, size_t dap = 0, JtagChainSetting setting = {})
      : chain(std::move(taps)), device(chain, dap), setting_(std::move(setting)) {}

  void Connect() {
    auto opened = OpenCmsisDap(std::make_unique<FakeTransport>(
                                   [this](const Bytes& request) {
                                     if (record->resets < hangs) return std::vector<Bytes>();
                                     if (refuses && request[0] == *refuses)
                                       return std::vector<Bytes>{{request[0], 0xFF}};
                                     return device(request);
                                   },
                                   record),
                               {.jtag_chain = setting_});
    ASSERT_TRUE(opened.ok()) << opened.status();
    probe = *std::move(opened);
    probe->SetObserver(&no_acks);
    connected = probe->Connect(WireProtocol::kJtag).status();
    record->requests.clear();
  }

  absl::Status ReadDpidr() {
    uint32_t word = 0;
    const TransferOp op{.port = Port::kDp, .address = adi::kDpIdr, .read = absl::MakeSpan(&word, 1)};
    const TransferResult result = probe->Transfer({&op, 1});
    EXPECT_EQ(word, result.status.ok() ? kDpidr : 0);
    return result.status;
  }
  // Connects and reads.
  absl::Status Reach() {
    Connect();
    return connected.ok() ? ReadDpidr() : connected;
  }

  std::vector<int> Commands() const {
    std::vector<int> commands;
    for (const Bytes& request : record->requests) commands.push_back(request[0]);
    return commands;
  }
  Bytes LastConfigure() const {
    for (auto request = record->requests.rbegin(); request != record->requests.rend(); ++request) {
      if ((*request)[0] == 0x15) return *request;
    }
    return {};
  }

  FakeJtagChain chain;
  FakeJtagProbe device;
  std::shared_ptr<FakeTransport::Record> record = std::make_shared<FakeTransport::Record>();
  int hangs = 0;                   // the number of resets that it takes the probe to answer
  std::optional<uint8_t> refuses;  // a command
  NoAcks no_acks;
  std::unique_ptr<Probe> probe;
  absl::Status connected;

 private:
  const JtagChainSetting setting_;
};

TEST(JtagScanCommand, GoesFromAnyStateToRunTestIdle) {
  const Bytes tdi = {0xFE, 0xFF};
  Bytes packet(64);
  packet.resize(JtagScan{.instructions = true, .tdi = tdi}.Encode(absl::MakeSpan(packet)));
  EXPECT_EQ(packet,
            (Bytes{0x14, 7, 0x46, 0xFF, 0x01, 0xFF, 0x42, 0xFF, 0x02, 0xFF, 0x90, 0xFE, 0xFF, 0x42, 0xFF, 0x01, 0xFF}));
  for (const size_t size : {64u, 512u, 1024u, 65535u}) {
    const Bytes most(JtagScan::MaxBytes(size));
    EXPECT_GE(most.size(), 40u);
    EXPECT_LE(most.size(), 128u);
    Bytes whole(size);
    EXPECT_NE((JtagScan{.instructions = false, .tdi = most}.Encode(absl::MakeSpan(whole))), 0u) << size;
  }
}

TEST(JtagChainTest, AnArmDapAloneTakesOnePacket) {
  OnChain wire({kDap});
  ASSERT_TRUE(wire.Reach().ok());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x14, 0x05));
  ASSERT_TRUE(wire.ReadDpidr().ok());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x14, 0x05, 0x05));
  EXPECT_EQ(wire.record->requests.back()[1], 0);
}

TEST(JtagChainTest, NothingIsSentToTheTargetBeforeTheFirstTransfer) {
  OnChain wire({kDap, kBoundaryScan});
  wire.Connect();
  ASSERT_TRUE(wire.connected.ok());
  EXPECT_THAT(wire.Commands(), ElementsAre());
}

TEST(JtagChainTest, ADapIsFoundAtAnyPlace) {
  struct Row {
    std::vector<FakeTap> taps;
    uint8_t dap;
    Bytes ir_lengths;
  };
  const FakeTap wide = {.ir_length = 10, .idcode = 0x03620093};
  const FakeTap narrow = {.ir_length = 4, .idcode = 0x1234502B};
  const std::vector<Row> rows = {
      {{kDap, kBoundaryScan}, 0, {4, 5}},
      {{kBoundaryScan, kDap}, 1, {5, 4}},
      {{kDap, kWithoutIdcode}, 0, {4, 7}},
      {{kWithoutIdcode, kDap}, 1, {7, 4}},
      {{kBoundaryScan, kDap, wide}, 1, {5, 4, 10}},
      {{wide, kDap, kWithoutIdcode}, 1, {10, 4, 7}},
      {{kWithoutIdcode, kWithoutIdcode, kDap}, 2, {7, 7, 4}},
      {{kDap, narrow, wide}, 0, {4, 4, 10}},
      {{narrow, narrow, kDap, narrow, narrow}, 2, {4, 4, 4, 4, 4}},
      {{wide, wide, wide, wide, wide, wide, wide, kDap}, 7, {10, 10, 10, 10, 10, 10, 10, 4}},
  };
  for (const Row& row : rows) {
    OnChain wire(row.taps, row.dap);
    const absl::Status reached = wire.Reach();
    ASSERT_TRUE(reached.ok()) << reached;
    EXPECT_THAT(wire.Commands(), ElementsAre(0x14, 0x14, 0x15, 0x05));
    const Bytes configured = wire.LastConfigure();
    EXPECT_EQ(Bytes(configured.begin() + 2, configured.end()), row.ir_lengths);
    EXPECT_EQ(wire.record->requests.back()[1], row.dap);
    EXPECT_TRUE(wire.chain.idle());
    EXPECT_TRUE(wire.chain.harmless());
    ASSERT_TRUE(wire.ReadDpidr().ok());
    EXPECT_EQ(wire.record->requests.size(), 5u);
  }
}

TEST(JtagChainTest, AllTransfersNameTheDevice) {
  OnChain wire({kBoundaryScan, kDap}, 1);
  ASSERT_TRUE(wire.Reach().ok());
  wire.record->requests.clear();
  const uint32_t abort = adi::kAbortDapAbort;
  std::vector<uint32_t> words(100);
  const TransferOp ops[] = {{.port = Port::kDp, .address = adi::kDpAbort, .write = absl::MakeConstSpan(&abort, 1)},
                            {.port = Port::kDp, .address = adi::kDpRdbuff, .write = words}};
  static_cast<void>(wire.probe->Transfer(ops));
  ASSERT_GE(wire.record->requests.size(), 2u);
  EXPECT_EQ(wire.record->requests[0][0], 0x08);
  EXPECT_EQ(wire.record->requests[0][1], 1);
  EXPECT_EQ(wire.record->requests[1][0], 0x06);
  EXPECT_EQ(wire.record->requests[1][1], 1);
}

// Configured FPGAs capture 110101: after a one, another 01 seems to begin.
TEST(JtagChainTest, CapturesThatLookLikeSeveralRegistersDoNotConfuse) {
  const FakeTap fpga = {.ir_length = 6, .idcode = 0x03727093, .captured = 0b110101};
  for (const auto& [taps, dap] : std::vector<std::pair<std::vector<FakeTap>, size_t>>{
           {{fpga, kDap}, 1}, {{kDap, fpga}, 0}, {{fpga, kDap, fpga}, 1}, {{fpga, fpga, kDap, fpga}, 2}}) {
    OnChain wire(taps, dap);
    const absl::Status reached = wire.Reach();
    EXPECT_TRUE(reached.ok()) << reached;
  }
}

// The standard demands 01, but not every part follows it. The place of a debug port at an end of the chain is clear.
TEST(JtagChainTest, ARegisterThatDoesNotCaptureAsTheStandardSays) {
  for (const uint64_t captured : {0b000000ull, 0b111111ull, 0b000010ull}) {
    const FakeTap odd = {.ir_length = 6, .idcode = 0x12345679, .captured = captured};
    OnChain last({kDap, odd}, 0);
    EXPECT_TRUE(last.Reach().ok()) << captured;
    OnChain first({odd, kDap}, 1);
    EXPECT_TRUE(first.Reach().ok()) << captured;
  }
}

// Bits 0001 are at two places at which the debug port can be: 6 or 10 bits from TDO.
TEST(JtagChainTest, AnAmbiguousPlaceIsSaidAndCanBeConfigured) {
  const FakeTap fpga = {.ir_length = 6, .idcode = 0x03727093, .captured = 0b010001};
  OnChain wire({fpga, kDap, fpga}, 1);
  EXPECT_THAT(std::string(wire.Reach().message()),
              AllOf(HasSubstr("3 TAPs (IDCODE 0x03727093, 0x4ba00477, 0x03727093) and 16 IR bits"),
                    HasSubstr("captured 0100010001010001"), HasSubstr("jtag-chain"), HasSubstr("probes:")));
  OnChain configured({fpga, kDap, fpga}, 1, JtagChainSetting{.ir_lengths = {6, 4, 6}});
  EXPECT_TRUE(configured.Reach().ok());
}

TEST(JtagChainTest, TheFirstOfTwoDapsUnlessConfigured) {
  OnChain first({kBoundaryScan, kDap, kDap}, 1);
  EXPECT_TRUE(first.Reach().ok());
  OnChain second({kBoundaryScan, kDap, kDap}, 2, JtagChainSetting{.device = 2});
  EXPECT_TRUE(second.Reach().ok());
  EXPECT_EQ(second.record->requests.back()[1], 2);
}

TEST(JtagChainTest, AConfiguredChainIsNotSearchedFor) {
  OnChain wire({kWithoutIdcode, kDap}, 1, JtagChainSetting{.ir_lengths = {7, 4}, .device = 1});
  wire.Connect();
  ASSERT_TRUE(wire.connected.ok());
  const Bytes reset_and_idle = {0x3F};
  ASSERT_TRUE(wire.probe->SwjSequence(8, reset_and_idle).ok());
  ASSERT_TRUE(wire.ReadDpidr().ok());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x12, 0x05));
}

TEST(JtagChainTest, AProbeWithoutJtagSequencesIsTakenToHaveADapAlone) {
  const Bytes reset_and_idle = {0x3F};
  OnChain alone({kDap});
  alone.refuses = 0x14;
  alone.Connect();
  ASSERT_TRUE(alone.probe->SwjSequence(8, reset_and_idle).ok());
  EXPECT_TRUE(alone.ReadDpidr().ok());
  EXPECT_THAT(alone.no_acks.assumptions, ElementsAre(HasSubstr("one TAP")));
  OnChain configured({kBoundaryScan, kDap}, 1, JtagChainSetting{.ir_lengths = {5, 4}, .device = 1});
  configured.refuses = 0x14;
  configured.Connect();
  ASSERT_TRUE(configured.probe->SwjSequence(8, reset_and_idle).ok());
  EXPECT_TRUE(configured.ReadDpidr().ok());
  OnChain partly({kBoundaryScan, kDap}, 1, JtagChainSetting{.device = 1});
  partly.refuses = 0x14;
  EXPECT_TRUE(IsError(partly.Reach(), ErrorKind::kProbeError)) << "what is configured cannot be completed";
}

TEST(JtagChainTest, AConfiguredDeviceNeedsNoIdcodeOfArm) {
  const FakeTap own_idcode = {.ir_length = 4, .idcode = 0x1BBBB0CB, .captured = 0b0001};
  OnChain wire({kBoundaryScan, own_idcode}, 1, JtagChainSetting{.device = 1});
  EXPECT_TRUE(wire.Reach().ok());
  OnChain alone({own_idcode}, 0);
  EXPECT_TRUE(alone.Reach().ok());
}

TEST(JtagChainTest, WhatCannotBeFoundIsSaidInWords) {
  struct Row {
    std::vector<FakeTap> taps;
    JtagChainSetting setting;
    std::vector<std::string> words;
  };
  const std::vector<Row> rows = {
      {{kBoundaryScan, kWithoutIdcode},
       {},
       {"2 TAPs (IDCODE 0x06413041, none) and 12 IR bits, but no Arm debug port", "set jtag-chain", "under probes:"}},
      {{kBoundaryScan}, {}, {"1 TAP (IDCODE 0x06413041) and 5 IR bits", "set jtag-chain"}},
      {{kDap, kBoundaryScan},
       JtagChainSetting{.device = 2},
       {"names device 2", "2 TAPs (IDCODE 0x4ba00477, 0x06413041) and 9 IR bits", "correct jtag-chain"}},
      {{kDap},
       JtagChainSetting{.device = 1},
       {"names device 1", "1 TAP (IDCODE 0x4ba00477) and 4 IR bits", "correct jtag-chain"}},
      {{kDap, kBoundaryScan},
       JtagChainSetting{.ir_lengths = {4, 5, 5}},
       {"IR lengths 4, 5, 5", "2 TAPs", "correct jtag-chain"}},
      {{kDap, kBoundaryScan},
       JtagChainSetting{.ir_lengths = {4, 8}},
       {"IR lengths 4, 8", "9 IR bits", "correct jtag-chain"}},
      {std::vector<FakeTap>(12, kDap), {}, {"no end within 320 bits", "10 TAPs", "set jtag-chain"}},
  };
  for (const Row& row : rows) {
    OnChain wire(row.taps, 0, row.setting);
    const absl::Status status = wire.Reach();
    EXPECT_TRUE(IsError(status, ErrorKind::kTransferError)) << status;
    for (const std::string& word : row.words) EXPECT_THAT(std::string(status.message()), HasSubstr(word));
    EXPECT_EQ(wire.no_acks.count, 1);
    EXPECT_TRUE(wire.chain.idle() && wire.chain.harmless());
  }
}

TEST(JtagChainTest, AStuckTdoIsSaid) {
  for (const bool level : {false, true}) {
    OnChain wire({kDap, kBoundaryScan});
    wire.chain.StickAt(level);
    const absl::Status status = wire.Reach();
    EXPECT_TRUE(IsError(status, ErrorKind::kTransferError)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(level ? "TDO stays high" : "TDO stays low"));
    EXPECT_EQ(wire.no_acks.count, 1);
  }
}

TEST(JtagChainTest, MoreTapsThanTheProbeAllows) {
  OnChain wire(std::vector<FakeTap>(9, kDap));
  const absl::Status status = wire.Reach();
  EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("a JTAG chain of 9 TAPs"), HasSubstr("limited")));
  OnChain fewer({kDap, kBoundaryScan}, 0, JtagChainSetting{.ir_lengths = {4, 5}, .device = 0});
  fewer.device.set_most_devices(1);
  fewer.Connect();
  EXPECT_TRUE(IsError(fewer.connected, ErrorKind::kProbeError)) << fewer.connected;
}

// While the pins are not in JTAG there is nothing to find. Establishing the link switches them, and then it is found.
TEST(JtagChainTest, TheChainIsFoundOnceThePinsAreInJtag) {
  OnChain wire({kDap, kBoundaryScan});
  wire.chain.set_selected(false);
  ASSERT_TRUE(IsError(wire.Reach(), ErrorKind::kTransferError));
  wire.chain.set_selected(true);
  const auto dpidr = adi::EstablishJtagLink(*wire.probe);
  ASSERT_TRUE(dpidr.ok()) << dpidr.status();
  wire.chain.set_selected(false);
  const auto lost = adi::EstablishJtagLink(*wire.probe);
  EXPECT_THAT(std::string(lost.status().message()), HasSubstr("no debug port answers after Test-Logic-Reset"));
}

// Looking for the chain would wake a debug port that has fallen silent, which is for the caller to do.
TEST(JtagChainTest, IsFoundAgainAfterASequenceIfTheDebugPortDidNotAnswer) {
  OnChain wire({kDap, kBoundaryScan});
  ASSERT_TRUE(wire.Reach().ok());
  const Bytes ones = {0xFF};
  ASSERT_TRUE(wire.probe->JtagSequence({.cycles = 6, .tms = true, .tdi = ones}).ok());
  ASSERT_FALSE(wire.ReadDpidr().ok());  // in Test-Logic-Reset
  wire.record->requests.clear();
  ASSERT_FALSE(wire.ReadDpidr().ok());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x05));
  ASSERT_TRUE(wire.probe->SwjSequence(8, ones).ok());
  ASSERT_TRUE(wire.ReadDpidr().ok());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x05, 0x12, 0x14, 0x14, 0x05));
}

TEST(JtagChainTest, IsNotFoundAgainAfterOtherSequences) {
  OnChain wire({kDap, kBoundaryScan});
  ASSERT_TRUE(wire.Reach().ok());
  wire.record->requests.clear();
  const Bytes reset = {0x3F};
  ASSERT_TRUE(wire.probe->JtagSequence({.cycles = 6, .tms = true, .tdi = reset}).ok());
  ASSERT_TRUE(wire.probe->JtagSequence({.cycles = 1, .tms = false, .tdi = reset}).ok());
  ASSERT_TRUE(wire.ReadDpidr().ok());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x14, 0x14, 0x05));
}

TEST(JtagChainTest, IsFoundForEachConnect) {
  OnChain wire({kDap, kBoundaryScan});
  ASSERT_TRUE(wire.Reach().ok());
  ASSERT_TRUE(wire.probe->Connect(WireProtocol::kJtag).ok());
  wire.record->requests.clear();
  ASSERT_TRUE(wire.ReadDpidr().ok());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x14, 0x14, 0x15, 0x05));
  ASSERT_TRUE(wire.probe->Connect(WireProtocol::kSwd).ok());
  wire.record->requests.clear();
  static_cast<void>(wire.ReadDpidr());
  EXPECT_THAT(wire.Commands(), ElementsAre(0x05));
  EXPECT_EQ(wire.record->requests.back()[1], 0);
}

TEST(JtagChainTest, AProbeThatWasResetIsToldAgain) {
  OnChain wire({kBoundaryScan, kDap}, 1);
  ASSERT_TRUE(wire.Reach().ok());
  wire.record->resetting_attempt = 1;
  wire.hangs = 1;
  EXPECT_TRUE(IsError(wire.ReadDpidr(), ErrorKind::kProbeError));
  wire.device.Forget();
  wire.record->requests.clear();
  EXPECT_TRUE(wire.ReadDpidr().ok());
  EXPECT_EQ(wire.LastConfigure(), (Bytes{0x15, 2, 5, 4}));
  EXPECT_THAT(wire.Commands(), Not(Contains(0x14)));
}

}  // namespace
}  // namespace probegate::cmsis_dap
