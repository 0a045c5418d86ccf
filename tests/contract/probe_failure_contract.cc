// Each failure at each operation of a script that uses every method: which error is reported, and whether the probe
// continues to work or is gone for good.
#include <array>
#include <future>

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
      {ProbeFailure::kStaleReply, "StaleReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kRepeatReply, "RepeatReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kCorruptReply, "CorruptReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kTruncateReply, "TruncateReply", false, ErrorKind::kProbeError},
      {ProbeFailure::kGarbleStream, "GarbleStream", false, ErrorKind::kProbeError},
      {ProbeFailure::kUnplug, "Unplug", false, ErrorKind::kProbeDisconnected, DisconnectCause::kLinkClosed},
  };
  return kRows;
}

namespace {

constexpr size_t kBlockWords = 600;  // three packets of a block, in flight together

// Runs the script up to the first error.
absl::Status UseEverything(Probe& probe, WireProtocol protocol) {
  if (absl::Status status = BringUp(probe, protocol); !status.ok()) return status;
  if (absl::Status status = probe.SetClock(4'000'000).status(); !status.ok()) return status;
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

// A world in which one operation after another fails.
class FailingWorld {
 public:
  FailingWorld(const ContractWorldFactory& factory, const ProbeFailureRow& row) : row_(row), world_(factory.make()) {}

  // Runs the script once without a failure.
  void Start() {
    ASSERT_NO_FATAL_FAILURE(OpenProbe());
    const uint64_t before = operations();
    ASSERT_TRUE(Use().ok());
    count_ = operations() - before;
  }

  // Injects failures at operations `first`, `first + step` and so on. The first operation is number 1.
  void FailAtEach(uint64_t first, uint64_t step) {
    for (uint64_t at = first; at <= count_ && !testing::Test::HasFatalFailure(); at += step) FailAt(at);
  }

  // How many operations the script has.
  uint64_t count() const { return count_; }
  // How many failures were reported.
  uint64_t reported() const { return reported_; }

 private:
  void OpenProbe() {
    auto probe = world_->OpenProbe();
    ASSERT_TRUE(probe.ok()) << probe.status();
    probe_ = *std::move(probe);
  }
  absl::Status Use() { return UseEverything(*probe_, world_->protocol()); }
  uint64_t operations() { return row_.of_transfers ? world_->transfers() : world_->replies(); }

  void FailAt(uint64_t at) {
    SCOPED_TRACE(std::string(row_.name) + " at operation " + std::to_string(at));
    seen_ = {};
    probe_->SetObserver(&seen_);
    world_->Inject(row_.failure, at, row_.failure == ProbeFailure::kWait ? 0 : 1);
    const absl::Status status = Use();
    world_->ClearFailures();
    if (status.ok()) return;  // the probe may recover from this failure, or it happened while closing
    ++reported_;
    EXPECT_TRUE(IsError(status, row_.seen_as)) << status;
    if (row_.seen_as == ErrorKind::kProbeDisconnected) {
      ASSERT_NO_FATAL_FAILURE(ExpectGoneAndOpenAgain());
    } else {
      EXPECT_TRUE(seen_.disconnects.empty());
    }
    const absl::Status again = Use();
    ASSERT_TRUE(again.ok()) << again;
  }

  void ExpectGoneAndOpenAgain() {
    world_->Plug();
    EXPECT_TRUE(IsError(probe_->SetClock(1'000'000).status(), ErrorKind::kProbeDisconnected));
    EXPECT_TRUE(IsError(probe_->CheckPresent(), ErrorKind::kProbeDisconnected));
    EXPECT_EQ(seen_.disconnects, std::vector<DisconnectCause>{row_.cause});
    probe_.reset();
    OpenProbe();
  }

  const ProbeFailureRow row_;
  const std::unique_ptr<ContractWorld> world_;
  ObserverRecord seen_;
  std::unique_ptr<Probe> probe_;
  uint64_t count_ = 0;
  uint64_t reported_ = 0;
};

// If a reply does not arrive in time, each run waits for the whole reply time-out. So several worlds share the
// operations and wait at the same time. A failure without a wait needs only one world.
size_t WorldsFor(ProbeFailure failure) {
  const bool waits = failure == ProbeFailure::kDropReply || failure == ProbeFailure::kLateReply ||
                     failure == ProbeFailure::kStaleReply;
  return waits ? 16 : 1;
}

TEST_P(ProbeFailureContract, IsReportedAtEveryOperation) {
  const auto& [factory, row] = GetParam();
  const size_t world_count = WorldsFor(row.failure);
  std::vector<std::unique_ptr<FailingWorld>> worlds;
  for (size_t i = 0; i < world_count; ++i) {
    worlds.push_back(std::make_unique<FailingWorld>(factory, row));
    ASSERT_NO_FATAL_FAILURE(worlds[i]->Start());
    ASSERT_EQ(worlds[i]->count(), worlds[0]->count());
  }
  const uint64_t count = worlds[0]->count();
  // The middle of a long block is like its beginning and its end, so not every operation is tried.
  const uint64_t step = count < 100 ? 1 : 7;
  std::vector<std::future<void>> runs;
  for (size_t i = 0; i < world_count; ++i) {
    runs.push_back(std::async(std::launch::async,
                              [=, &world = *worlds[i]] { world.FailAtEach(1 + i * step, world_count * step); }));
  }
  for (std::future<void>& run : runs) run.get();  // rethrows the run's exception
  uint64_t reported = 0;
  for (const auto& world : worlds) reported += world->reported();
  // A reply too many can be discarded without anybody noticing.
  if (row.failure != ProbeFailure::kRepeatReply) {
    EXPECT_GT(reported, count / step / 2);
  }
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProbeFailureContract);

}  // namespace probegate
