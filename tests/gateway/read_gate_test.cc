#include "gateway/read_gate.h"

#include <gtest/gtest.h>

namespace probegate {
namespace {

TEST(ReadGate, ReadsOnWithoutAPause) {
  ReadGate gate;
  gate.Begin();
  EXPECT_FALSE(gate.reading());
  EXPECT_TRUE(gate.End(true));
  EXPECT_TRUE(gate.reading());
}

TEST(ReadGate, PausesUntilResumed) {
  ReadGate gate;
  gate.Begin();
  EXPECT_FALSE(gate.End(false));
  EXPECT_FALSE(gate.reading());
  EXPECT_TRUE(gate.Resume());
  EXPECT_TRUE(gate.reading());
  EXPECT_FALSE(gate.Resume());
}

TEST(ReadGate, ResumedBeforeThePauseIsAskedFor) {
  ReadGate gate;
  gate.Begin();
  EXPECT_FALSE(gate.Resume());
  EXPECT_TRUE(gate.End(false));
  // It counted for that pause alone.
  gate.Begin();
  EXPECT_FALSE(gate.End(false));
}

}  // namespace
}  // namespace probegate
