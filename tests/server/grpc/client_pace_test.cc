#include "server/grpc/client_pace.h"

#include <gtest/gtest.h>

namespace probegate {
namespace {

// One that counts as waiting, from its last request on.
ClientPace Waiting() {
  ClientPace pace;
  for (uint32_t i = 0; i < ClientPace::kTrust; ++i) {
    EXPECT_FALSE(pace.waits());
    pace.Note(false);
  }
  EXPECT_TRUE(pace.waits());
  return pace;
}

TEST(ClientPace, WaitsOnceItHasDoneSoForSomeTime) { Waiting(); }

TEST(ClientPace, OneRequestAheadOfAnAnswerIsEnough) {
  ClientPace pace = Waiting();
  pace.Note(true);
  EXPECT_FALSE(pace.waits());
  for (uint32_t i = 0; i < ClientPace::kTrust; ++i) pace.Note(false);
  EXPECT_TRUE(pace.waits());
}

TEST(ClientPace, IsTriedAgainAndAgain) {
  ClientPace pace = Waiting();
  for (int round = 0; round < 3; ++round) {
    uint32_t requests = 0;
    while (pace.waits()) {
      pace.Note(false);
      ASSERT_LE(++requests, ClientPace::kTrust + 1);
    }
    pace.Note(false);
    EXPECT_TRUE(pace.waits());
  }
}

}  // namespace
}  // namespace probegate
