#include "server/grpc/client_pace.h"

#include <gtest/gtest.h>

namespace probegate {
namespace {

using namespace std::chrono_literals;
constexpr auto kLate = 1ms;

// A client that counts as waiting since its last request.
ClientPace Waiting() {
  ClientPace pace;
  for (uint32_t i = 0; i < ClientPace::kTrust; ++i) {
    EXPECT_FALSE(pace.waits());
    pace.Note(false, kLate);
  }
  EXPECT_TRUE(pace.waits());
  return pace;
}

TEST(ClientPace, WaitsAfterManyRequestsInTurn) { Waiting(); }

TEST(ClientPace, OneRequestBeforeAnAnswerEndsIt) {
  ClientPace pace = Waiting();
  pace.Note(true, kLate);
  EXPECT_FALSE(pace.waits());
  for (uint32_t i = 0; i < ClientPace::kTrust; ++i) pace.Note(false, kLate);
  EXPECT_TRUE(pace.waits());
}

// While a client counts as waiting, nothing is read before an answer, so only the time between an answer and the next
// request can show that it no longer waits.
TEST(ClientPace, ARequestTooSoonAfterAnAnswerEndsIt) {
  ClientPace pace = Waiting();
  pace.Note(false, ClientPace::kSoon);
  EXPECT_TRUE(pace.waits());
  pace.Note(false, ClientPace::kSoon - 1us);
  EXPECT_FALSE(pace.waits());
}

TEST(ClientPace, IsRetestedRegularly) {
  ClientPace pace = Waiting();
  for (int round = 0; round < 3; ++round) {
    uint32_t requests = 0;
    while (pace.waits()) {
      pace.Note(false, kLate);
      ASSERT_LE(++requests, ClientPace::kTrust + 1);
    }
    pace.Note(false, kLate);
    EXPECT_TRUE(pace.waits());
  }
}

}  // namespace
}  // namespace probegate
