#include "gateway/fleet/read_gate.h"

#include <gtest/gtest.h>

namespace probegate {
namespace {

TEST(ReadGate, ReadsWhileSomethingIsAwaited) {
  ReadGate gate;
  EXPECT_FALSE(gate.reading());
  EXPECT_TRUE(gate.Expect());
  EXPECT_FALSE(gate.Expect());  // it is reading already
  gate.Begin();
  EXPECT_FALSE(gate.reading());
  EXPECT_TRUE(gate.End(true));
  EXPECT_TRUE(gate.reading());
  gate.Begin();
  EXPECT_FALSE(gate.End(true));
  EXPECT_FALSE(gate.reading());
  EXPECT_TRUE(gate.Expect());
}

TEST(ReadGate, ReadsOnIfARequestComesMeanwhile) {
  ReadGate gate;
  EXPECT_TRUE(gate.Expect());
  gate.Begin();
  EXPECT_FALSE(gate.Expect());
  EXPECT_TRUE(gate.End(true));
}

TEST(ReadGate, ListensUntilTheNextResponse) {
  ReadGate gate;
  EXPECT_TRUE(gate.Listen());
  EXPECT_FALSE(gate.Listen());
  EXPECT_FALSE(gate.Expect());
  gate.Begin();
  EXPECT_FALSE(gate.End(true));
}

TEST(ReadGate, ListenDuringTheHandOverTakesEffect) {
  ReadGate gate;
  EXPECT_TRUE(gate.Expect());
  gate.Begin();
  EXPECT_FALSE(gate.Listen());
  EXPECT_TRUE(gate.End(true));
}

// A gate that is reading, and awaits two more responses.
ReadGate Reading() {
  ReadGate gate;
  for (int i = 0; i < 3; ++i) static_cast<void>(gate.Expect());
  return gate;
}

TEST(ReadGate, PausesUntilResumed) {
  ReadGate gate = Reading();
  gate.Begin();
  EXPECT_FALSE(gate.End(false));
  EXPECT_FALSE(gate.reading());
  EXPECT_TRUE(gate.Resume());
  EXPECT_TRUE(gate.reading());
  EXPECT_FALSE(gate.Resume());
}

TEST(ReadGate, DoesNotReadDuringAPauseWhateverIsAwaited) {
  ReadGate gate = Reading();
  gate.Begin();
  EXPECT_FALSE(gate.End(false));
  EXPECT_FALSE(gate.Expect());
  EXPECT_FALSE(gate.Listen());
  EXPECT_TRUE(gate.Resume());
}

TEST(ReadGate, ResumeBeforeThePauseIsRequestedTakesEffect) {
  ReadGate gate = Reading();
  gate.Begin();
  EXPECT_FALSE(gate.Resume());
  EXPECT_TRUE(gate.End(false));
  // The call of Resume counted for that pause only.
  gate.Begin();
  EXPECT_FALSE(gate.End(false));
}

}  // namespace
}  // namespace probegate
