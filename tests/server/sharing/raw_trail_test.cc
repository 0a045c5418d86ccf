// What is remembered of a session's raw SWD sequences.
#include "server/sharing/raw_trail.h"

#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RawTrailTest : public testing::Test {
 protected:
  void AddSwj(size_t count, const std::vector<uint8_t>& bits) {
    trail_.AddSwj(count, bits, trail_.EffectWith(count, bits));
  }
  void AddSwd(const std::vector<SwdSegment>& segments) { trail_.AddSwd(segments, trail_.EffectWith(segments)); }
  void Ones(size_t count) { AddSwj(count, std::vector<uint8_t>(count / 8 + 1, 0xFF)); }
  void Zeros(size_t count) { AddSwj(count, std::vector<uint8_t>(count / 8 + 1)); }
  std::vector<std::string> Replayed() {
    wire_->ClearLog();
    EXPECT_TRUE(trail_.Replay(probe_).ok());
    return wire_->CallLog();
  }

  const std::shared_ptr<FakeWire> wire_ = std::make_shared<FakeWire>();
  FakeProbe probe_{wire_};
  RawTrail trail_;
};

TEST_F(RawTrailTest, WhatLeadsToADpIsDrivenAgainInItsOrder) {
  Ones(51);
  AddSwj(16, {0x9E, 0xE7});
  Ones(51);
  Zeros(8);
  EXPECT_THAT(Replayed(), ElementsAre("swj_sequence 51", "swj_sequence 16", "swj_sequence 51", "swj_sequence 8"));
  EXPECT_FALSE(trail_.talks_to_dp());
  trail_.Clear();
  EXPECT_TRUE(trail_.empty());
  EXPECT_THAT(Replayed(), IsEmpty());
}

TEST_F(RawTrailTest, ALineResetMayBeInPieces) {
  Ones(25);
  EXPECT_FALSE(trail_.EffectWith(0, {}).line_reset);
  Ones(25);
  EXPECT_TRUE(trail_.EffectWith(0, {}).line_reset);
}

TEST_F(RawTrailTest, AWriteOfTargetselMayBeInPieces) {
  Ones(56);
  Zeros(8);
  AddSwd({{.cycles = 8, .output = {0x99}}});
  AddSwd({{.cycles = 5, .output = {}}});
  AddSwd({{.cycles = 33, .output = {0x27, 0x29, 0x00, 0x01, 0x00}}});
  EXPECT_EQ(trail_.EffectWith(0, {}).target_select, 0x01002927u);
  EXPECT_FALSE(trail_.talks_to_dp());
  Ones(50);
  EXPECT_EQ(trail_.EffectWith(0, {}).target_select, std::nullopt) << "a line reset deselects";
}

TEST_F(RawTrailTest, ARequestToTheDpIsNotKept) {
  Ones(56);
  Zeros(8);
  AddSwd({{.cycles = 8, .output = {0xA5}}, {.cycles = 38, .output = {}}});
  EXPECT_TRUE(trail_.talks_to_dp());
  EXPECT_THAT(Replayed(), ElementsAre("swj_sequence 56", "swj_sequence 8"));
  Ones(56);
  EXPECT_FALSE(trail_.talks_to_dp()) << "a line reset begins anew";
}

TEST_F(RawTrailTest, ASequenceOfNothingIsNotKept) {
  AddSwd({});
  EXPECT_TRUE(trail_.empty());
  EXPECT_THAT(Replayed(), IsEmpty());
}

TEST_F(RawTrailTest, TheOldestSequencesAreDropped) {
  for (size_t i = 0; i < 100; ++i) Ones(1000);
  EXPECT_EQ(Replayed().size(), RawTrail::kMaxBits / 1000);
  Ones(10 * RawTrail::kMaxBits);
  EXPECT_THAT(Replayed(), IsEmpty());
}

}  // namespace
}  // namespace probegate
