#include "probe/adi/mem_ap.h"

#include <gtest/gtest.h>

#include <numeric>
#include <tuple>

#include "probe/adi/registers.h"
#include "tests/fakes/fake_probe.h"

namespace probegate::adi {
namespace {

constexpr uint32_t kRam = 0x20000000;

std::vector<uint8_t> Counting(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

// Carries out `run` on a MEM-AP as a caller would.
void Execute(FakeProbe& probe, const MemApRun& run, absl::Span<uint8_t> read, absl::Span<const uint8_t> written) {
  const uint32_t csw = CswFor(0x23000042, run);
  const auto tar = static_cast<uint32_t>(run.address);
  std::vector<uint32_t> words = read.empty() ? ToLanes(run, written) : std::vector<uint32_t>(run.transfers);
  std::vector<TransferOp> ops = {{.port = Port::kAp, .address = kApCsw, .write = absl::MakeConstSpan(&csw, 1)},
                                 {.port = Port::kAp, .address = kApTar, .write = absl::MakeConstSpan(&tar, 1)}};
  if (read.empty()) {
    ops.push_back({.port = Port::kAp, .address = kApDrw, .write = words});
  } else {
    ops.push_back({.port = Port::kAp, .address = kApDrw, .read = absl::MakeSpan(words)});
  }
  const TransferResult result = probe.Transfer(ops);
  ASSERT_TRUE(result.status.ok()) << result.status;
  if (!read.empty()) FromLanes(run, words, read);
}

// A powered MEM-AP whose TAR wraps every `page` bytes.
std::shared_ptr<FakeWire> MakeWire(uint32_t page) {
  FakeBoardOptions options;
  options.tar_page = page;
  auto wire = std::make_shared<FakeWire>(options, FakeWire::DefaultInfo("1"));
  const std::array<uint8_t, 8> line_reset = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0};
  FakeProbe probe(wire);
  EXPECT_TRUE(probe.SwjSequence(64, line_reset).ok());
  uint32_t dpidr = 0;
  const std::array<uint32_t, 1> power = {kPowerRequests};
  const std::array<TransferOp, 2> ops = {{{.port = Port::kDp, .address = kDpIdr, .read = absl::MakeSpan(&dpidr, 1)},
                                          {.port = Port::kDp, .address = kDpCtrlStat, .write = power}}};
  EXPECT_TRUE(probe.Transfer(ops).status.ok());
  return wire;
}

class Block : public ::testing::TestWithParam<uint32_t> {};

TEST_P(Block, AccessesExactlyItsBytesForEveryAlignmentAndLength) {
  const uint32_t page = GetParam();
  auto wire = MakeWire(page);
  FakeProbe probe(wire);
  for (uint32_t start = page - 9; start < page + 1; ++start) {
    for (uint32_t length = 0; length < 20; ++length) {
      const std::vector<uint8_t> background(2 * page, 0xEE);
      wire->WriteRam(kRam, background);
      const std::vector<uint8_t> bytes = Counting(length);
      std::vector<uint8_t> read_back(length);
      uint32_t done = 0;
      for (const MemApRun& run : SplitBlock(kRam + start, length, page)) {
        ASSERT_EQ(run.address, kRam + start + done);
        Execute(probe, run, {}, absl::MakeConstSpan(bytes).subspan(done, run.byte_count));
        Execute(probe, run, absl::MakeSpan(read_back).subspan(done, run.byte_count), {});
        done += run.byte_count;
      }
      std::vector<uint8_t> expected = background;
      std::copy(bytes.begin(), bytes.end(), expected.begin() + start);
      ASSERT_EQ(wire->ReadRam(kRam, 2 * page), expected) << "start " << start << " length " << length;
      ASSERT_EQ(read_back, bytes) << "start " << start << " length " << length;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, Block, ::testing::Values(1024u, 4096u));

TEST(SplitBlock, AlignedWordsAreOneRunPerPage) {
  const auto runs = SplitBlock(0x20000000, 4096, 1024);
  ASSERT_EQ(runs.size(), 4u);
  for (const MemApRun& run : runs) {
    EXPECT_EQ(run.size, AccessSize::k32);
    EXPECT_EQ(run.transfers, 256u);
  }
  EXPECT_EQ(SplitBlock(0x20000000, 4096, 4096).size(), 1u);
}

TEST(SplitBlock, AnEmptyBlockHasNoRuns) { EXPECT_TRUE(SplitBlock(0x20000001, 0).empty()); }

TEST(SplitBlock, EndsTakeTheWidestAccessThatFits) {
  const auto runs = SplitBlock(0x20000002, 7);
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].size, AccessSize::k16);
  EXPECT_EQ(runs[1].size, AccessSize::k32);
  EXPECT_EQ(runs[2].size, AccessSize::k8);
}

TEST(SplitBlock, EndsThatMeetAreOneRun) {
  const auto runs = SplitBlock(0x20000002, 4);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].transfers, 2u);
}

TEST(SplitBlock, GoesBeyond32Bits) {
  const auto runs = SplitBlock(0xFFFFFFFE, 4);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].address, 0x100000000u);
}

TEST(SingleAccess, IsOneTransferOfItsSize) {
  const MemApRun run = SingleAccess(0x40000002, AccessSize::k16);
  EXPECT_EQ(run.transfers, 1u);
  EXPECT_EQ(ToLanes(run, std::vector<uint8_t>{0x34, 0x12}), std::vector<uint32_t>{0x12340000});
}

TEST(CswFor, ReplacesSizeAndIncrementOnly) {
  EXPECT_EQ(CswFor(0x23000042, SingleAccess(0, AccessSize::k8)), 0x23000050u);
  EXPECT_EQ(CswFor(0xFFFFFFFF, SingleAccess(0, AccessSize::k32)), 0xFFFFFFDAu);
}

TEST(AdvanceTar, CountsAsCswSaysAndWrapsInItsPage) {
  EXPECT_EQ(AdvanceTar(0x20000000, kCswSize32 | kCswAddrIncSingle, 3, 1024), 0x2000000Cu);
  EXPECT_EQ(AdvanceTar(0x20000000, kCswSize8 | kCswAddrIncSingle, 3, 1024), 0x20000003u);
  EXPECT_EQ(AdvanceTar(0x20000000, kCswSize8 | kCswAddrIncPacked, 3, 1024), 0x2000000Cu);
  EXPECT_EQ(AdvanceTar(0x20000000, kCswSize32 | kCswAddrIncOff, 3, 1024), 0x20000000u);
  EXPECT_EQ(AdvanceTar(0x200003FC, kCswSize32 | kCswAddrIncSingle, 2, 1024), 0x20000004u);
  EXPECT_EQ(AdvanceTar(0x200003FC, kCswSize32 | kCswAddrIncSingle, 2, 4096), 0x20000404u);
}

TEST(TarIncrementPage, IsFourKibibytesOnlyForKnownAps) {
  EXPECT_EQ(TarIncrementPage(0x24770011), 4096u);
  EXPECT_EQ(TarIncrementPage(0x24770031), 1024u);  // a later variant
  EXPECT_EQ(TarIncrementPage(0x24770002), 1024u);  // APB
  EXPECT_EQ(TarIncrementPage(0x02880000), 1024u);  // not a MEM-AP
}

}  // namespace
}  // namespace probegate::adi
