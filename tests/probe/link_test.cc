#include "probe/adi/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probe/error.h"
#include "tests/fakes/fake_probe.h"

namespace probegate::adi {
namespace {

using ::testing::HasSubstr;

TEST(EstablishSwdLink, ALineResetIsEnoughForAnSwDp) {
  auto wire = std::make_shared<FakeWire>();
  FakeProbe probe(wire);
  const auto dpidr = EstablishSwdLink(probe, std::nullopt);
  ASSERT_TRUE(dpidr.ok()) << dpidr.status();
  EXPECT_EQ(*dpidr, 0x2BA01477u);
  EXPECT_EQ(wire->CountCalls(WireCall::Kind::kSwjSequence), 1u);
}

TEST(EstablishSwdLink, TriesTheNextSequenceIfThereIsNoAnswer) {
  auto wire = std::make_shared<FakeWire>();
  FakeProbe probe(wire);
  wire->FailTransfer(0, FakeFailure::kNoAck, 2);
  EXPECT_TRUE(EstablishSwdLink(probe, std::nullopt).ok());
  EXPECT_EQ(wire->CountCalls(WireCall::Kind::kSwjSequence), 3u);
}

TEST(EstablishSwdLink, TheErrorSaysWhatWasTried) {
  auto wire = std::make_shared<FakeWire>();
  FakeProbe probe(wire);
  wire->FailTransfer(0, FakeFailure::kNoAck, 3);
  const auto dpidr = EstablishSwdLink(probe, std::nullopt);
  EXPECT_TRUE(IsError(dpidr.status(), ErrorKind::kTransferError));
  EXPECT_THAT(std::string(dpidr.status().message()), HasSubstr("a line reset, JTAG-to-SWD, dormant-to-SWD"));
}

TEST(EstablishSwdLink, StopsWhenTheProbeFails) {
  auto wire = std::make_shared<FakeWire>();
  FakeProbe probe(wire);
  wire->FailTransfer(0, FakeFailure::kUnplug);
  EXPECT_TRUE(IsError(EstablishSwdLink(probe, std::nullopt).status(), ErrorKind::kProbeDisconnected));
  EXPECT_EQ(wire->CountCalls(WireCall::Kind::kSwjSequence), 1u);
}

TEST(EstablishSwdLink, SelectsAMultiDropPart) {
  FakeBoardOptions options;
  options.target_selects = {0x01002927};
  auto wire = std::make_shared<FakeWire>(options, FakeWire::DefaultInfo("1"));
  FakeProbe probe(wire);
  EXPECT_FALSE(EstablishSwdLink(probe, std::nullopt).ok());
  EXPECT_FALSE(EstablishSwdLink(probe, 0x11002927).ok());
  EXPECT_TRUE(EstablishSwdLink(probe, 0x01002927).ok());
}

class EstablishJtagLink : public ::testing::Test {
 protected:
  static ProbeInfo WithJtag() {
    ProbeInfo info = FakeWire::DefaultInfo("1");
    info.features.jtag = true;
    return info;
  }
  EstablishJtagLink() {
    EXPECT_TRUE(probe_.Connect(WireProtocol::kJtag).ok());
    wire_->WithBoard([](FakeBoard& board) { board.SetDpRegister(1, kDpIdr, 0xBAD); });
  }

  std::shared_ptr<FakeWire> wire_ = std::make_shared<FakeWire>(FakeBoardOptions{}, WithJtag());
  FakeProbe probe_{wire_};
};

TEST_F(EstablishJtagLink, TestLogicResetIsEnoughForAJtagDp) {
  const auto dpidr = adi::EstablishJtagLink(probe_);
  ASSERT_TRUE(dpidr.ok()) << dpidr.status();
  EXPECT_EQ(*dpidr, 0x2BA01477u);
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kSwjSequence), 1u);
}

TEST_F(EstablishJtagLink, SelectsTheBankOfDpidr) {
  ASSERT_TRUE(adi::EstablishJtagLink(probe_).ok());
  const uint32_t bank_1 = 1;
  const TransferOp select{.port = Port::kDp, .address = kDpSelect, .write = absl::MakeConstSpan(&bank_1, 1)};
  ASSERT_TRUE(probe_.Transfer({&select, 1}).status.ok());
  EXPECT_EQ(adi::EstablishJtagLink(probe_).value(), 0x2BA01477u);
}

TEST_F(EstablishJtagLink, TheErrorSaysWhatWasTried) {
  wire_->FailTransfer(0, FakeFailure::kNoAck, 3);
  const auto dpidr = adi::EstablishJtagLink(probe_);
  EXPECT_TRUE(IsError(dpidr.status(), ErrorKind::kTransferError));
  EXPECT_THAT(std::string(dpidr.status().message()), HasSubstr("Test-Logic-Reset, SWD-to-JTAG, dormant-to-JTAG"));
}

// Appends the lowest `count` bits of `value` to `bits`.
void Append(std::vector<bool>& bits, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) bits.push_back((value >> i) & 1);
}

void AppendLineReset(std::vector<bool>& bits) {
  Append(bits, ~uint64_t{0}, 51);
  Append(bits, 0, 2);
}

RawEffect Effect(const std::vector<bool>& bits) {
  std::vector<uint8_t> bytes((bits.size() + 7) / 8);
  for (size_t i = 0; i < bits.size(); ++i) bytes[i / 8] |= static_cast<uint8_t>(bits[i] << (i % 8));
  return EffectOf(bytes, bits.size());
}

std::optional<uint32_t> Find(const std::vector<bool>& bits) { return Effect(bits).target_select; }

TEST(EffectOf, FindsTheWriteAfterALineReset) {
  std::vector<bool> bits;
  AppendLineReset(bits);
  Append(bits, 0x99, 8);
  Append(bits, 0x1F, 5);
  Append(bits, 0x01002927, 32);
  Append(bits, 0, 1);
  EXPECT_EQ(Find(bits), 0x01002927u);
}

TEST(EffectOf, FindsTheWriteAlone) {
  std::vector<bool> bits;
  Append(bits, 0x99, 13);
  Append(bits, 0x01002926, 32);
  Append(bits, 1, 1);
  EXPECT_EQ(Find(bits), 0x01002926u);
}

TEST(EffectOf, NeedsTheParityAndAllBits) {
  std::vector<bool> bits;
  Append(bits, 0x99, 13);
  Append(bits, 0x01002926, 32);
  EXPECT_EQ(Find(bits), std::nullopt);
  Append(bits, 0, 1);
  EXPECT_EQ(Find(bits), std::nullopt);
}

TEST(EffectOf, FindsNothingWhereARequestIsNotPossible) {
  std::vector<bool> bits;
  Append(bits, 0xE79E, 16);
  Append(bits, 0x99, 13);
  Append(bits, 0, 33);
  EXPECT_EQ(Find(bits), std::nullopt);
  EXPECT_EQ(EffectOf({}, 0).target_select, std::nullopt);
}

TEST(EffectOf, ALineResetNeedsFiftyOnes) {
  std::vector<bool> bits;
  Append(bits, ~uint64_t{0}, 49);
  EXPECT_FALSE(Effect(bits).line_reset);
  Append(bits, 1, 1);
  EXPECT_TRUE(Effect(bits).line_reset);
}

TEST(EffectOf, TheLastLineResetCounts) {
  std::vector<bool> bits;
  AppendLineReset(bits);
  Append(bits, 0x99, 13);
  Append(bits, 0x01002926, 32);
  Append(bits, 1, 1);
  EXPECT_EQ(Effect(bits).target_select, 0x01002926u);
  AppendLineReset(bits);
  EXPECT_EQ(Effect(bits).target_select, std::nullopt);
  EXPECT_TRUE(Effect(bits).line_reset);
}

TEST(EffectOf, TellsARequestFromASwitchingSequence) {
  for (const uint64_t code : {0xE79E, 0xE73C, 0xE3BC}) {
    std::vector<bool> bits;
    AppendLineReset(bits);
    Append(bits, code, 16);
    EXPECT_FALSE(Effect(bits).request) << code;
  }
  std::vector<bool> bits;
  AppendLineReset(bits);
  Append(bits, 0xA5, 8);  // a read of DPIDR
  EXPECT_TRUE(Effect(bits).request);
  AppendLineReset(bits);
  EXPECT_FALSE(Effect(bits).request);
}

TEST(EffectOf, HalfAWriteOfTargetselIsNoOtherRequest) {
  std::vector<bool> bits;
  AppendLineReset(bits);
  Append(bits, 0x99, 13);
  EXPECT_FALSE(Effect(bits).request);
  EXPECT_EQ(Effect(bits).target_select, std::nullopt);
}

}  // namespace
}  // namespace probegate::adi
