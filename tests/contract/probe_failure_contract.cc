// Each failure at each operation of a script that uses every method: what is reported, and that the probe goes on or is
// gone for ever.
#include <array>

#include "probe/adi/link.h"
#include "probe/adi/registers.h"
#include "tests/contract/probe_contract.h"

namespace probegate {

using namespace contract;  // NOLINT(google-build-using-namespace): the steps that the suites share

absl::Span<const ProbeFailureRow> ProbeFailures() {
  static constexpr ProbeFailureRow kRows[] = {
      {ProbeFailure::kWait, "Wait", true, ErrorKind::kTransferTimeout},
      {ProbeFailure::kFault, "Fault", true, ErrorKind::kTransferFault},
      {ProbeFailure::kNoAck, "NoAck", true, ErrorKind::kTransferError},
      {ProbeFailure::kDropReply, "DropReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kLateReply, "LateReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kCorruptReply, "CorruptReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kTruncateReply, "TruncateReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kGarbleStream, "GarbleStream", false, ErrorKind::kProbeDisconnected, DisconnectCause::kGarbled},
      {ProbeFailure::kUnplug, "Unplug", false, ErrorKind::kProbeDisconnected, DisconnectCause::kLinkClosed},
  };
  return kRows;
}

namespace {

constexpr size_t kBlockWords = 600;  // three packets of a block, in flight together

// Runs up to the first error.
absl::Status UseEverything(Probe& probe, WireProtocol protocol) {
  if (absl::Status status = BringUp(probe, protocol); !status.ok()) return status;
  if (absl::Status status = probe.SetClock(4'000'000); !status.ok()) return status;
  const std::vector<uint32_t> words = Pattern(kBlockWords, 5);
  if (TransferResult result = WriteWords(probe, kRam, words); !result.status.ok()) return result.status;
  std::vector<uint32_t> read(kBlockWords);
  if (TransferResult result = ReadWords(probe, kRam, absl::MakeSpan(read)); !result.status.ok()) return result.status;
  if (read != words) return MakeError(ErrorKind::kInternal, "read other words than were written");
  if (protocol == WireProtocol::kJtag) {
    const std::vector<uint8_t> tdi(4);
    if (auto tdo = probe.JtagSequence({.cycles = 32, .capture = true, .tdi = tdi}); !tdo.ok()) return tdo.status();
  } else if (probe.info().features.swd_sequence) {
    const std::vector<SwdSegment> segments = {{.cycles = 8, .output = {0}}, {.cycles = 8}};
    if (auto captured = probe.SwdSequence(segments); !captured.ok()) return captured.status();
  }
  if (probe.info().features.swo) {
    if (absl::Status status = probe.SwoStart(kSwoBaud); !status.ok()) return status;
    if (auto data = probe.SwoRead(); !data.ok()) return data.status();
    if (absl::Status status = probe.SwoStop(); !status.ok()) return status;
  }
  if (absl::Status status = probe.Reset(); !status.ok()) return status;
  if (auto asserted = probe.IsResetAsserted(); !asserted.ok()) return asserted.status();
  if (absl::Status status = probe.Disconnect(); !status.ok()) return status;
  probe.Close();
  return absl::OkStatus();
}

TEST_P(ProbeFailureContract, IsReportedAtEveryOperation) {
  const auto& [factory, row] = GetParam();
  const std::unique_ptr<ContractWorld> world = factory.make();
  ObserverRecord seen;
  auto probe = world->OpenProbe();
  ASSERT_TRUE(probe.ok()) << probe.status();

  const bool of_transfers = row.of_transfers;
  const auto operations = [&] { return of_transfers ? world->transfers() : world->replies(); };
  const uint64_t before = operations();
  ASSERT_TRUE(UseEverything(**probe, world->protocol()).ok());
  const uint64_t count = operations() - before;

  const uint64_t times = row.failure == ProbeFailure::kWait ? 0 : 1;
  // The middle of a long block is as its beginning and its end.
  const uint64_t step = count < 100 ? 1 : 7;
  uint64_t reported = 0;
  for (uint64_t at = 1; at <= count; at += step) {
    SCOPED_TRACE(std::string(row.name) + " at operation " + std::to_string(at));
    seen = {};
    (*probe)->SetObserver(&seen);
    world->Inject(row.failure, at, times);
    const absl::Status status = UseEverything(**probe, world->protocol());
    world->ClearFailures();
    if (status.ok()) continue;  // it hit what a probe may put right, or says on its way out
    ++reported;
    EXPECT_TRUE(IsError(status, row.seen_as)) << status;

    if (row.seen_as == ErrorKind::kProbeDisconnected) {
      world->Plug();
      EXPECT_TRUE(IsError((*probe)->SetClock(1'000'000), ErrorKind::kProbeDisconnected));
      EXPECT_TRUE(IsError((*probe)->CheckPresent(), ErrorKind::kProbeDisconnected));
      EXPECT_EQ(seen.disconnects, std::vector<DisconnectCause>{row.cause});
      probe->reset();
      probe = world->OpenProbe();
      ASSERT_TRUE(probe.ok()) << probe.status();
    } else {
      EXPECT_TRUE(seen.disconnects.empty());
    }
    const absl::Status again = UseEverything(**probe, world->protocol());
    ASSERT_TRUE(again.ok()) << again;
  }
  EXPECT_GT(reported, count / step / 2);
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProbeFailureContract);

}  // namespace probegate
