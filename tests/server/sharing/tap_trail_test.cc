// Which of a session's JTAG clocks are driven again after another session has used the chain.
#include "server/sharing/tap_trail.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/error.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TapTrailTest : public testing::Test {
 protected:
  // One character a clock: TMS.
  void Clocks(const std::string& tms) {
    for (const char bit : tms) trail_.Add({.cycles = 1, .tms = bit == '1', .capture = false, .tdi = {&kOne, 1}});
  }
  // The lengths of the stretches that are driven again; the first is one of TMS high unless all begin with a low one.
  std::vector<std::string> Replayed() {
    wire_->ClearLog();
    EXPECT_TRUE(trail_.Replay(probe_).ok());
    return wire_->CallLog();
  }

  static constexpr uint8_t kOne = 1;
  const std::shared_ptr<FakeWire> wire_ = std::make_shared<FakeWire>();
  FakeProbe probe_{wire_};
  TapTrail trail_;
};

TEST_F(TapTrailTest, ACompletedDrScanIsNotDrivenAgain) {
  Clocks(
      "100"
      "0000"
      "11"
      "0");  // Shift-DR, Exit1, Update, Run-Test/Idle
  EXPECT_TRUE(trail_.empty());
  EXPECT_THAT(Replayed(), IsEmpty());
}

TEST_F(TapTrailTest, ACompletedIrScanIsDrivenAgain) {
  Clocks(
      "1100"
      "000"
      "11"
      "0");
  EXPECT_THAT(Replayed(), ElementsAre("jtag_sequence 2", "jtag_sequence 5", "jtag_sequence 2"));
  Clocks(
      "100"
      "0000"
      "11"
      "0");  // and the DR scan after it is not
  EXPECT_THAT(Replayed(), ElementsAre("jtag_sequence 2", "jtag_sequence 5", "jtag_sequence 2"));
}

TEST_F(TapTrailTest, AScanInProgressIsDrivenAgainAsFarAsItGot) {
  Clocks(
      "100"
      "000");
  EXPECT_THAT(Replayed(), ElementsAre("jtag_sequence 1", "jtag_sequence 5"));
}

TEST_F(TapTrailTest, AScanThatIsInPauseIsInProgress) {
  Clocks(
      "100"
      "000"
      "10"
      "0");  // Exit1, Pause
  EXPECT_THAT(Replayed(), ElementsAre("jtag_sequence 1", "jtag_sequence 5", "jtag_sequence 1", "jtag_sequence 2"));
}

TEST_F(TapTrailTest, TestLogicResetReplacesWhatIrHeld) {
  Clocks(
      "1100"
      "000"
      "11"
      "0");
  Clocks(
      "11111"
      "0");
  EXPECT_THAT(Replayed(), ElementsAre("jtag_sequence 5", "jtag_sequence 1"));
}

TEST_F(TapTrailTest, IdleClocksAreNotKept) {
  for (int i = 0; i < 1000; ++i) Clocks("0000");
  EXPECT_TRUE(trail_.empty());
}

TEST_F(TapTrailTest, ClocksByTmsAloneCount) {
  const std::vector<uint8_t> reset = {0x1F};
  trail_.Add(6, reset);
  EXPECT_THAT(Replayed(), ElementsAre("jtag_sequence 5", "jtag_sequence 1"));
}

TEST_F(TapTrailTest, AScanThatIsTooLongIsRefusedInsteadOfDrivenInPart) {
  Clocks("100");
  const std::vector<uint8_t> zeros(TapTrail::kMaxClocks / 8 + 1);
  trail_.Add({.cycles = TapTrail::kMaxClocks, .tms = false, .capture = false, .tdi = zeros});
  EXPECT_TRUE(IsError(trail_.Replay(probe_), ErrorKind::kUnsupported));
  Clocks(
      "11"
      "0");  // it is completed
  EXPECT_TRUE(trail_.Replay(probe_).ok());
}

}  // namespace
}  // namespace probegate
