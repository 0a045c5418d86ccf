#include "telemetry/flood_gate.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr FloodGate::Clock::time_point kStart{};

TEST(FloodGate, TheFirstOccurrencePassesAtOnce) {
  FloodGate gate;
  EXPECT_EQ(gate.Admit(kStart), 1);
}

TEST(FloodGate, OneLinePerSecondStandsForTheOccurrencesBeforeIt) {
  FloodGate gate;
  gate.Admit(kStart);
  EXPECT_EQ(gate.Admit(kStart), std::nullopt);
  EXPECT_EQ(gate.Admit(kStart + milliseconds(999)), std::nullopt);
  EXPECT_EQ(gate.Admit(kStart + milliseconds(1000)), 3);
  EXPECT_EQ(gate.Admit(kStart + milliseconds(1999)), std::nullopt);
  EXPECT_EQ(gate.Admit(kStart + milliseconds(2500)), 2);
}

TEST(FloodGate, RareOccurrencesAreNotHeldBack) {
  FloodGate gate;
  for (int second = 0; second < 10; ++second) EXPECT_EQ(gate.Admit(kStart + std::chrono::seconds(second)), 1);
}

TEST(FloodGate, CountsEachOccurrenceOnce) {
  FloodGate gate(milliseconds(10));
  uint64_t reported = 0;
  for (int i = 0; i < 1000; ++i) reported += gate.Admit(kStart + milliseconds(i)).value_or(0);
  EXPECT_LT(reported, 1000);
  EXPECT_EQ(reported + gate.TakeHeldBack(), 1000);
  EXPECT_EQ(gate.TakeHeldBack(), 0);
}

TEST(FloodGate, OccurrencesThatWereTakenAreNotReportedAgain) {
  FloodGate gate;
  gate.Admit(kStart);
  gate.Admit(kStart);
  EXPECT_EQ(gate.TakeHeldBack(), 1);
  EXPECT_EQ(gate.Admit(kStart + milliseconds(1000)), 1);
}

}  // namespace
}  // namespace probegate
