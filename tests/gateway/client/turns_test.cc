#include "gateway/client/turns.h"

#include <gtest/gtest.h>

#include <string>

#include "asio/post.hpp"

namespace probegate {
namespace {

TEST(Turns, AClientWithManyConnectionsHasOneTurnAtATime) {
  asio::io_context io;
  const Strand strand = asio::make_strand(io);
  Turns turns;
  const auto greedy = turns.Of("greedy");
  const auto modest = turns.Of("modest");
  std::string order;
  for (int i = 0; i < 3; ++i) greedy->Ask(strand, [&order] { order += 'g'; });
  EXPECT_TRUE(greedy->anyone_waits());
  EXPECT_FALSE(modest->anyone_waits());
  modest->Ask(strand, [&order] { order += 'm'; });
  io.run();
  EXPECT_EQ(order, "gmgg");
  EXPECT_FALSE(greedy->anyone_waits());
}

TEST(Turns, ClientsOfOneKeyShareTheirTurns) {
  Turns turns;
  const auto one = turns.Of("a");
  EXPECT_EQ(turns.Of("a"), one);
  EXPECT_NE(turns.Of("b"), one);
}

TEST(Turn, EndsAfterAMomentAndWaitsForTheNext) {
  Turns turns;
  int waits = 0;
  Turn turn(turns.Of("a"), [&waits] { ++waits; });
  while (turn.MayWork()) {
  }
  EXPECT_EQ(waits, 1);
  turn.Rest();
  EXPECT_FALSE(turn.MayWork());
  EXPECT_EQ(waits, 1);
  turn.Grant();
  turn.Rest();
  EXPECT_TRUE(turn.MayWork());
}

TEST(Turn, WaitsIfAnotherConnectionOfTheClientWaits) {
  asio::io_context io;
  Turns turns;
  const auto shared = turns.Of("a");
  int waits = 0;
  Turn turn(shared, [&waits] { ++waits; });
  shared->Ask(asio::make_strand(io), [] {});
  EXPECT_FALSE(turn.MayWork());
  EXPECT_EQ(waits, 1);
  io.run();
  Turn other(shared, [&waits] { ++waits; });
  EXPECT_TRUE(other.MayWork());
}

}  // namespace
}  // namespace probegate
