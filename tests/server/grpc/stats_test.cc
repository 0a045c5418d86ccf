// Each of a probe's statistics is in its own field of the message.
#include "server/grpc/stats.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::ElementsAre;

TEST(StatsMessage, HasEveryNumberInItsField) {
  ProbeStats stats;
  stats.status.set_location("tcp:127.0.0.1:4441");
  stats.queue_depth = 1;
  stats.lock_held = true;
  stats.lock_waiters = 2;
  stats.commands = 3;
  stats.command_failures = 4;
  stats.packets = 5;
  stats.transfers = 6;
  stats.bytes_out = 7;
  stats.bytes_in = 8;
  stats.wait_acks = 9;
  stats.fault_acks = 10;
  stats.no_acks = 11;
  stats.retries = 12;
  stats.command_wait = {.bounds = {0.5}, .buckets = {13, 14}, .count = 27, .sum = 15};
  stats.command_wire = {.bounds = {0.25}, .buckets = {16, 17}, .count = 33, .sum = 18};
  const v1::ProbeStats message = ToMessage(stats);
  EXPECT_EQ(message.status().location(), "tcp:127.0.0.1:4441");
  EXPECT_EQ(message.queue_depth(), 1u);
  EXPECT_TRUE(message.lock_held());
  EXPECT_EQ(message.lock_waiters(), 2u);
  EXPECT_EQ(message.commands(), 3u);
  EXPECT_EQ(message.command_failures(), 4u);
  EXPECT_EQ(message.packets(), 5u);
  EXPECT_EQ(message.transfers(), 6u);
  EXPECT_EQ(message.bytes_out(), 7u);
  EXPECT_EQ(message.bytes_in(), 8u);
  EXPECT_EQ(message.wait_acks(), 9u);
  EXPECT_EQ(message.fault_acks(), 10u);
  EXPECT_EQ(message.no_acks(), 11u);
  EXPECT_EQ(message.retries(), 12u);
  EXPECT_THAT(message.command_wait().bounds_seconds(), ElementsAre(0.5));
  EXPECT_THAT(message.command_wait().counts(), ElementsAre(13, 14));
  EXPECT_EQ(message.command_wait().sum_seconds(), 15);
  EXPECT_THAT(message.command_wire().bounds_seconds(), ElementsAre(0.25));
  EXPECT_THAT(message.command_wire().counts(), ElementsAre(16, 17));
  EXPECT_EQ(message.command_wire().sum_seconds(), 18);
}

}  // namespace
}  // namespace probegate
