#include "tests/contract/probe_contract.h"

#include <array>
#include <chrono>

#include "probe/adi/link.h"
#include "probe/adi/registers.h"

namespace probegate {

using namespace contract;  // NOLINT(google-build-using-namespace): the steps that the suites share

void ProbeContract::SetUp() {
  world_ = GetParam().make();
  auto probe = world_->OpenProbe();
  ASSERT_TRUE(probe.ok()) << probe.status();
  probe_ = *std::move(probe);
  const absl::Status up = BringUp(*probe_, world_->protocol());
  ASSERT_TRUE(up.ok()) << up;
}

namespace {

absl::Status ClearSticky(Probe& probe) {
  const std::array<uint32_t, 1> clear = {adi::kAbortClearSticky};
  const TransferOp op = Write(Port::kDp, adi::kDpAbort, clear);
  return probe.Transfer(absl::MakeConstSpan(&op, 1)).status;
}

TEST_P(ProbeContract, IdentifiesItself) {
  EXPECT_EQ(probe_->info().unique_id, world_->unique_id());
  EXPECT_FALSE(probe_->info().product_name.empty());
  EXPECT_FALSE(probe_->info().vendor_name.empty());
  EXPECT_TRUE(probe_->CheckPresent().ok());
}

TEST_P(ProbeContract, AnEmptyListOfOperationsSucceeds) {
  const TransferResult result = probe_->Transfer({});
  EXPECT_TRUE(result.status.ok());
  EXPECT_EQ(result.completed, 0u);
}

TEST_P(ProbeContract, BlocksOfAnyLengthArriveWhole) {
  for (const size_t length : {1, 2, 198, 199, 200, 204, 253, 254, 255, 256, 300, 600, 5000, 16384}) {
    const std::vector<uint32_t> words = Pattern(length, static_cast<uint32_t>(length % 251));
    const TransferResult written = WriteWords(*probe_, kRam, words);
    ASSERT_TRUE(written.status.ok()) << length << ": " << written.status;
    EXPECT_EQ(written.completed, length + (length + 1023) / 1024);
    std::vector<uint32_t> read(length);
    const TransferResult result = ReadWords(*probe_, kRam, absl::MakeSpan(read));
    ASSERT_TRUE(result.status.ok()) << length << ": " << result.status;
    ASSERT_EQ(read, words) << length;
  }
}

TEST_P(ProbeContract, OperationsOfAllKindsRunInOrder) {
  const std::array<uint32_t, 1> tar = {kRam};
  const std::array<uint32_t, 2> words = {0x11223344, 0x55667788};
  std::array<uint32_t, 1> tar_after = {};
  std::array<uint32_t, 1> ctrl_stat = {};
  std::array<uint32_t, 2> read = {};
  const std::array<TransferOp, 6> ops = {Write(Port::kAp, adi::kApTar, tar),
                                         Write(Port::kAp, adi::kApDrw, words),
                                         Read(Port::kAp, adi::kApTar, absl::MakeSpan(tar_after)),
                                         Read(Port::kDp, adi::kDpCtrlStat, absl::MakeSpan(ctrl_stat)),
                                         Write(Port::kAp, adi::kApTar, tar),
                                         Read(Port::kAp, adi::kApDrw, absl::MakeSpan(read))};
  const TransferResult result = probe_->Transfer(ops);
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.completed, 8u);
  EXPECT_EQ(tar_after[0], kRam + 8);
  EXPECT_EQ(ctrl_stat[0] & adi::kPowerBits, adi::kPowerBits);
  EXPECT_EQ(read, words);
}

TEST_P(ProbeContract, AnEmptyOperationAmongOthersIsSkipped) {
  const std::array<uint32_t, 1> tar = {kRam};
  std::array<uint32_t, 1> read = {};
  const std::array<TransferOp, 3> ops = {Write(Port::kAp, adi::kApTar, tar), TransferOp{.port = Port::kAp},
                                         Read(Port::kAp, adi::kApTar, absl::MakeSpan(read))};
  ASSERT_TRUE(probe_->Transfer(ops).status.ok());
  EXPECT_EQ(read[0], kRam);
}

// Tries every length of the block that faults, so that the operations after it share a packet with it or do not.
TEST_P(ProbeContract, NothingRunsAfterAFault) {
  for (const size_t length : {1, 2, 254, 255, 256, 600}) {
    const std::vector<uint32_t> before = {0xAAAAAAAA};
    ASSERT_TRUE(WriteWords(*probe_, kRam, before).status.ok());
    const std::array<uint32_t, 1> bad = {kNowhere};
    const std::array<uint32_t, 1> good = {kRam};
    const std::vector<uint32_t> words = Pattern(length, 7);
    const std::array<TransferOp, 4> ops = {Write(Port::kAp, adi::kApTar, bad), Write(Port::kAp, adi::kApDrw, words),
                                           Write(Port::kAp, adi::kApTar, good), Write(Port::kAp, adi::kApDrw, words)};
    const TransferResult result = probe_->Transfer(ops);
    EXPECT_TRUE(IsError(result.status, ErrorKind::kTransferFault)) << result.status;
    EXPECT_EQ(result.completed, 1u) << length;
    EXPECT_EQ(world_->ReadTarget(kRam, 1), before);
    ASSERT_TRUE(PrepareMemory(*probe_).ok());
  }
}

// Exactly the counted words have landed, except for the one write whose outcome cannot be known.
TEST_P(ProbeContract, CountedWordsOfABlockHaveLanded) {
  constexpr size_t kBlockWords = 600;  // three packets, in flight together
  for (uint32_t at = 1; at <= kBlockWords; at += 13) {
    SCOPED_TRACE("at operation " + std::to_string(at));
    ASSERT_TRUE(WriteWords(*probe_, kRam, Pattern(kBlockWords, at % 2)).status.ok());
    const std::vector<uint32_t> words = Pattern(kBlockWords, 2);
    world_->Inject(ProbeFailure::kFault, at, 1);
    const TransferResult result = WriteWords(*probe_, kRam, words);
    EXPECT_TRUE(IsError(result.status, ErrorKind::kTransferFault)) << result.status;
    ASSERT_LE(result.completed, kBlockWords);
    const size_t counted = result.completed == 0 ? 0 : result.completed - 1;  // TAR
    const std::vector<uint32_t> there = world_->ReadTarget(kRam, kBlockWords);
    for (uint32_t i = 0; i < kBlockWords; ++i) {
      const bool landed = there[i] == words[i];
      const bool nobody_knows = i >= counted && i <= counted + result.uncertain;
      ASSERT_TRUE(nobody_knows || landed == (i < counted)) << "word " << i << " of " << counted;
    }
    ASSERT_TRUE(PrepareMemory(*probe_).ok());
  }
}

TEST_P(ProbeContract, AFaultPersistsUntilItIsCleared) {
  std::array<uint32_t, 1> word = {};
  EXPECT_TRUE(IsError(ReadWords(*probe_, kNowhere, absl::MakeSpan(word)).status, ErrorKind::kTransferFault));
  EXPECT_TRUE(IsError(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status, ErrorKind::kTransferFault));
  ASSERT_TRUE(ClearSticky(*probe_).ok());
  EXPECT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status.ok());
}

TEST_P(ProbeContract, AFailedReadExcludesOnlyItself) {
  std::array<uint32_t, 3> words = {};
  const TransferResult result = ReadWords(*probe_, kNowhere, absl::MakeSpan(words));
  EXPECT_TRUE(IsError(result.status, ErrorKind::kTransferFault));
  EXPECT_EQ(result.completed, 1u);  // the write of TAR
}

TEST_P(ProbeContract, ARegisterThatAlwaysAnswersDoesNotHideAFailedWrite) {
  const std::array<uint32_t, 1> bad = {kNowhere};
  const std::array<uint32_t, 1> clear = {adi::kAbortClearSticky};
  std::array<uint32_t, 1> read = {};
  for (const TransferOp& last :
       {Read(Port::kDp, adi::kDpCtrlStat, absl::MakeSpan(read)), Read(Port::kDp, adi::kDpIdr, absl::MakeSpan(read)),
        Write(Port::kDp, adi::kDpAbort, clear)}) {
    const std::array<TransferOp, 3> ops = {Write(Port::kAp, adi::kApTar, bad), Write(Port::kAp, adi::kApDrw, bad),
                                           last};
    const TransferResult result = probe_->Transfer(ops);
    EXPECT_TRUE(IsError(result.status, ErrorKind::kTransferFault)) << result.status;
    EXPECT_EQ(result.completed, 1u);
    ASSERT_TRUE(ClearSticky(*probe_).ok());
  }
}

TEST_P(ProbeContract, WaitsAreRetried) {
  world_->Inject(ProbeFailure::kWait, 3, 20);
  const std::vector<uint32_t> words = Pattern(10, 3);
  const TransferResult result = WriteWords(*probe_, kRam, words);
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(world_->ReadTarget(kRam, 10), words);
}

TEST_P(ProbeContract, AnEndlessWaitIsATimeout) {
  world_->Inject(ProbeFailure::kWait, 3, 0);
  const std::vector<uint32_t> words = Pattern(10, 3);
  const TransferResult result = WriteWords(*probe_, kRam, words);
  EXPECT_TRUE(IsError(result.status, ErrorKind::kTransferTimeout)) << result.status;
  EXPECT_LT(result.completed, 3u);
  world_->ClearFailures();
  ASSERT_TRUE(PrepareMemory(*probe_).ok());
  EXPECT_TRUE(WriteWords(*probe_, kRam, words).status.ok());
}

TEST_P(ProbeContract, SequencesAreExactToTheBit) {
  if (world_->protocol() == WireProtocol::kJtag) GTEST_SKIP() << "the test is about line resets";
  const std::vector<uint8_t> ones(64, 0xFF);
  const std::vector<uint8_t> zeros(1, 0);
  for (const size_t length : {50, 51, 56, 63, 64, 255, 256, 257, 300, 512}) {
    // The request that follows would not be understood if there were one bit more or less: start, APnDP, RnW, A,
    // parity, stop, park.
    ASSERT_TRUE(probe_->SwjSequence(length, ones).ok());
    ASSERT_TRUE(probe_->SwjSequence(2, zeros).ok());
    std::array<uint32_t, 1> dpidr = {};
    const TransferOp op = Read(Port::kDp, adi::kDpIdr, absl::MakeSpan(dpidr));
    ASSERT_TRUE(probe_->Transfer(absl::MakeConstSpan(&op, 1)).status.ok()) << length;
    EXPECT_EQ(dpidr[0], 0x2BA01477u);
  }
  // With one high bit too few it is not a line reset: the link is lost, and stays lost. The low bits before it separate
  // it from the transfer, after which not every probe sends idle cycles.
  ASSERT_TRUE(probe_->SwjSequence(2, zeros).ok());
  ASSERT_TRUE(probe_->SwjSequence(49, ones).ok());
  ASSERT_TRUE(probe_->SwjSequence(2, zeros).ok());
  std::array<uint32_t, 1> dpidr = {};
  const TransferOp op = Read(Port::kDp, adi::kDpIdr, absl::MakeSpan(dpidr));
  EXPECT_TRUE(IsError(probe_->Transfer(absl::MakeConstSpan(&op, 1)).status, ErrorKind::kTransferError));
}

TEST_P(ProbeContract, ASequenceWithTooFewBitsIsRefused) {
  const std::vector<uint8_t> one_byte(1, 0xFF);
  EXPECT_TRUE(IsError(probe_->SwjSequence(9, one_byte), ErrorKind::kInvalidArgument));
  EXPECT_TRUE(IsError(probe_->SwjSequence(0, one_byte), ErrorKind::kInvalidArgument));
}

TEST_P(ProbeContract, RawSwdReadsDpidr) {
  if (world_->protocol() == WireProtocol::kJtag) GTEST_SKIP() << "the probe is not connected for SWD";
  if (!probe_->info().features.swd_sequence) GTEST_SKIP() << "the probe has no raw SWD sequences";
  const std::vector<SwdSegment> segments = {{.cycles = 56, .output = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
                                            {.cycles = 8, .output = {0}},
                                            {.cycles = 8, .output = {0xA5}},  // read DP 0
                                            {.cycles = 4},                    // turnaround, ACK
                                            {.cycles = 33},                   // data, parity
                                            {.cycles = 1},                    // turnaround
                                            {.cycles = 8, .output = {0}}};
  for (int round = 0; round < 2; ++round) {
    const auto captured = probe_->SwdSequence(segments);
    ASSERT_TRUE(captured.ok()) << captured.status();
    ASSERT_EQ(captured->size(), 3u);
    EXPECT_EQ(((*captured)[0][0] >> 1) & 7, 1);
    std::vector<uint8_t> dpidr = (*captured)[1];
    dpidr.resize(4);
    EXPECT_EQ(dpidr, (std::vector<uint8_t>{0x77, 0x14, 0xA0, 0x2B}));
  }
}

TEST_P(ProbeContract, AnyNumberOfSegmentsRuns) {
  if (world_->protocol() == WireProtocol::kJtag) GTEST_SKIP() << "the probe is not connected for SWD";
  if (!probe_->info().features.swd_sequence) GTEST_SKIP() << "the probe has no raw SWD sequences";
  std::vector<SwdSegment> segments;
  for (int i = 0; i < 400; ++i) {
    segments.push_back({.cycles = 64, .output = std::vector<uint8_t>(8, 0xFF)});
    segments.push_back({.cycles = 63});
  }
  const auto captured = probe_->SwdSequence(segments);
  ASSERT_TRUE(captured.ok()) << captured.status();
  EXPECT_EQ(captured->size(), 400u);
  for (const uint32_t cycles : {0u, 65u}) {
    const std::vector<SwdSegment> bad = {{.cycles = cycles}};
    EXPECT_TRUE(IsError(probe_->SwdSequence(bad).status(), ErrorKind::kInvalidArgument));
  }
}

TEST_P(ProbeContract, ResetIsHeldAndReleased) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(false), true);
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(true), false);
  ASSERT_TRUE(probe_->Reset().ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(true), false);
}

TEST_P(ProbeContract, NresetNeedsNoConnect) {
  ASSERT_TRUE(probe_->Disconnect().ok());
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(false), true);
  ASSERT_TRUE(probe_->AssertReset(false).ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(true), false);
  EXPECT_TRUE(probe_->Reset().ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(true), false);
}

TEST_P(ProbeContract, NresetIsHeldAcrossConnectAndDisconnect) {
  ASSERT_TRUE(probe_->AssertReset(true).ok());
  ASSERT_TRUE(probe_->Disconnect().ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(false), true);
  ASSERT_TRUE(probe_->Connect(world_->protocol()).ok());
  EXPECT_EQ(probe_->IsResetAsserted().value_or(false), true);
  EXPECT_TRUE(probe_->Reset().ok()) << "does nothing while nRESET is held";
  EXPECT_EQ(probe_->IsResetAsserted().value_or(false), true);
  probe_->Close();
  EXPECT_EQ(probe_->IsResetAsserted().value_or(true), false);
}

TEST_P(ProbeContract, AnyClockExceptZeroIsAccepted) {
  EXPECT_TRUE(IsError(probe_->SetClock(0).status(), ErrorKind::kInvalidArgument));
  for (const uint32_t hertz : {100'000u, 1'000'000u, 10'000'000u}) {
    const auto runs = probe_->SetClock(hertz);
    ASSERT_TRUE(runs.ok()) << runs.status();
    EXPECT_LE(*runs, hertz);
    std::array<uint32_t, 1> word = {};
    EXPECT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status.ok());
  }
  EXPECT_GT(probe_->SetClock(std::nullopt).value_or(0), 0u);
}

TEST_P(ProbeContract, JtagIsUnsupportedWithoutTheFeature) {
  if (probe_->info().features.jtag) GTEST_SKIP() << "the probe has JTAG";
  EXPECT_TRUE(IsError(probe_->Connect(WireProtocol::kJtag).status(), ErrorKind::kUnsupported));
  const std::vector<uint8_t> tdi(1);
  EXPECT_TRUE(IsError(probe_->JtagSequence({.cycles = 8, .tdi = tdi}).status(), ErrorKind::kUnsupported));
}

// Stretches of any length: each TAP's BYPASS register has one bit, so each bit that goes in comes out as many clocks
// later as there are TAPs.
TEST_P(ProbeContract, JtagSequencesAreExactToTheBit) {
  if (world_->protocol() != WireProtocol::kJtag) GTEST_SKIP() << "the probe is not connected for JTAG";
  const std::vector<uint8_t> ones(8, 0xFF);
  const auto run = [&](size_t cycles, bool tms) {
    return probe_->JtagSequence({.cycles = cycles, .tms = tms, .tdi = ones}).status();
  };
  for (const size_t length : {1, 7, 8, 63, 64, 65, 127, 7231, 7232, 7233, 20000}) {
    ASSERT_TRUE(run(5, true).ok());                                              // Test-Logic-Reset
    ASSERT_TRUE(run(1, false).ok() && run(2, true).ok() && run(2, false).ok());  // Shift-IR
    ASSERT_TRUE(run(63, false).ok() && run(1, true).ok());                       // BYPASS, Exit1-IR
    ASSERT_TRUE(run(1, true).ok() && run(1, true).ok() && run(2, false).ok());   // Shift-DR
    std::vector<uint8_t> tdi((length + 7) / 8);
    for (size_t i = 0; i < tdi.size(); ++i) tdi[i] = static_cast<uint8_t>(i * 37 + length);
    const auto tdo = probe_->JtagSequence({.cycles = length, .tms = false, .capture = true, .tdi = tdi});
    ASSERT_TRUE(tdo.ok()) << tdo.status();
    ASSERT_EQ(tdo->size(), tdi.size());
    const auto bit = [](const std::vector<uint8_t>& bytes, size_t i) { return (bytes[i / 8] >> (i % 8)) & 1; };
    for (size_t i = 0; i < length; ++i) {
      ASSERT_EQ(bit(*tdo, i), i < world_->taps() ? 0 : bit(tdi, i - world_->taps())) << i << " of " << length;
    }
  }
  EXPECT_TRUE(IsError(probe_->JtagSequence({.cycles = 65, .tdi = ones}).status(), ErrorKind::kInvalidArgument));
  EXPECT_TRUE(IsError(probe_->JtagSequence({.cycles = 0, .tdi = ones}).status(), ErrorKind::kInvalidArgument));
}

// A DP of version 1 has DLCR in bank 1, at the address of CTRL/STAT.
TEST_P(ProbeContract, AFaultIsSeenInAnyBankOfTheDp) {
  const std::array<uint32_t, 1> other_bank = {1};
  const std::array<uint32_t, 1> bad = {kNowhere};
  std::array<uint32_t, 1> word = {};
  std::array<uint32_t, 1> dlcr = {0xFF};
  const std::array<TransferOp, 5> ops = {
      Write(Port::kDp, adi::kDpSelect, other_bank), Write(Port::kAp, adi::kApTar, bad),
      Read(Port::kDp, adi::kDpCtrlStat, absl::MakeSpan(dlcr)), Read(Port::kAp, adi::kApDrw, absl::MakeSpan(word)),
      Read(Port::kAp, adi::kApTar, absl::MakeSpan(word))};
  const TransferResult result = probe_->Transfer(ops);
  EXPECT_TRUE(IsError(result.status, ErrorKind::kTransferFault)) << result.status;
  EXPECT_EQ(result.completed, 3u);
  EXPECT_EQ(dlcr[0], 0u);
  ASSERT_TRUE(PrepareMemory(*probe_).ok());
  EXPECT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status.ok());
}

// Reads up to `size` bytes, until a time limit.
std::vector<uint8_t> ReadSwo(Probe& probe, size_t size) {
  std::vector<uint8_t> bytes;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (bytes.size() < size && std::chrono::steady_clock::now() < deadline) {
    const auto data = probe.SwoRead();
    EXPECT_TRUE(data.ok()) << data.status();
    if (!data.ok()) break;
    EXPECT_FALSE(data->overrun || data->garbled);
    bytes.insert(bytes.end(), data->bytes.begin(), data->bytes.end());
  }
  return bytes;
}

TEST_P(ProbeContract, SwoIsCapturedFromStartToStop) {
  if (!probe_->info().features.swo) GTEST_SKIP() << "the probe has no SWO";
  EXPECT_TRUE(IsError(probe_->SwoRead().status(), ErrorKind::kProbeError));
  EXPECT_TRUE(probe_->SwoStop().ok()) << "without a start";
  EXPECT_TRUE(IsError(probe_->SwoStart(0), ErrorKind::kInvalidArgument));
  for (int round = 0; round < 2; ++round) {
    const std::vector<uint8_t> unheard = world_->SendSwo();
    ASSERT_TRUE(probe_->SwoStart(kSwoBaud).ok());
    std::array<uint32_t, 1> word = {};
    ASSERT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status.ok());
    const std::vector<uint8_t> sent = world_->SendSwo();
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(ReadSwo(*probe_, sent.size()), sent);
    ASSERT_TRUE(probe_->SwoStop().ok());
    EXPECT_TRUE(IsError(probe_->SwoRead().status(), ErrorKind::kProbeError));
  }
  EXPECT_TRUE(IsError(probe_->SwoStart(4'000'000'000), ErrorKind::kProbeError)) << "no probe has that rate";
  ASSERT_TRUE(probe_->SwoStart(kSwoBaud).ok());
  probe_->Close();
  EXPECT_TRUE(IsError(probe_->SwoRead().status(), ErrorKind::kProbeError));
}

TEST_P(ProbeContract, SwoIsUnsupportedWithoutTheFeature) {
  if (probe_->info().features.swo) GTEST_SKIP() << "the probe has SWO";
  EXPECT_TRUE(IsError(probe_->SwoStart(kSwoBaud), ErrorKind::kUnsupported));
  EXPECT_TRUE(probe_->SwoStop().ok());
}

TEST_P(ProbeContract, CanBeDisconnectedAndConnectedAgain) {
  ASSERT_TRUE(probe_->Disconnect().ok());
  std::array<uint32_t, 1> word = {};
  EXPECT_FALSE(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status.ok());
  probe_->Close();
  ASSERT_TRUE(BringUp(*probe_, world_->protocol()).ok());
  EXPECT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status.ok());
}

TEST_P(ProbeContract, ReportsTheWiresTrafficToItsObserver) {
  std::array<uint32_t, 3> words = {};
  ASSERT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(words)).status.ok()) << "without an observer";
  probe_->SetObserver(&seen_);
  EXPECT_EQ(seen_.packets, 0u) << "identifying the probe is not counted";
  ASSERT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(words)).status.ok());
  EXPECT_GE(seen_.packets, 1u);
  EXPECT_EQ(seen_.transfers, 4u) << "TAR and three words";
  EXPECT_GE(seen_.bytes_out, 4u);
  EXPECT_GE(seen_.bytes_in, 12u);
  EXPECT_FALSE(ReadWords(*probe_, kNowhere, absl::MakeSpan(words)).status.ok());
  EXPECT_EQ(seen_.faults, 1u);
  ASSERT_TRUE(ClearSticky(*probe_).ok());
  probe_->SetObserver(nullptr);
  const size_t packets = seen_.packets;
  ASSERT_TRUE(ReadWords(*probe_, kRam, absl::MakeSpan(words)).status.ok());
  EXPECT_EQ(seen_.packets, packets);
}

TEST_P(ProbeContract, OnceGoneItStaysGone) {
  probe_->SetObserver(&seen_);
  world_->Unplug();
  EXPECT_TRUE(IsError(probe_->CheckPresent(), ErrorKind::kProbeDisconnected));
  world_->Plug();
  std::array<uint32_t, 1> word = {};
  EXPECT_TRUE(IsError(probe_->CheckPresent(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe_->Open(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe_->Connect(WireProtocol::kSwd).status(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe_->SetClock(1000).status(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe_->Reset(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe_->IsResetAsserted().status(), ErrorKind::kProbeDisconnected));
  if (probe_->info().features.swo) {
    EXPECT_TRUE(IsError(probe_->SwoStart(kSwoBaud), ErrorKind::kProbeDisconnected));
  }
  EXPECT_TRUE(IsError(ReadWords(*probe_, kRam, absl::MakeSpan(word)).status, ErrorKind::kProbeDisconnected));
  EXPECT_EQ(seen_.disconnects, std::vector<DisconnectCause>{DisconnectCause::kLinkClosed}) << "and reported once";
  probe_->Close();
  probe_.reset();
  auto again = world_->OpenProbe();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(BringUp(**again, world_->protocol()).ok());
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProbeContract);

}  // namespace probegate
