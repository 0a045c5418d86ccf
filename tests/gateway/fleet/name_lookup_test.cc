#include "gateway/fleet/name_lookup.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "asio/executor_work_guard.hpp"
#include "asio/post.hpp"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

using Addresses = std::vector<std::string>;

// A resolver that answers when the test lets it.
struct SlowResolver {
  std::promise<void> asked;
  std::promise<void> may_answer;
};

TEST(NameLookup, LooksUpAgainAfterEachResult) {
  asio::io_context io;
  const Strand strand = asio::make_strand(io);
  int results = 0;
  std::unique_ptr<NameLookup> lookup;
  lookup = std::make_unique<NameLookup>(
      strand, Endpoint{"lab", 1}, std::chrono::milliseconds(1),
      [](const Endpoint& server) { return Addresses{server.host}; },
      [&](const absl::StatusOr<Addresses>& addresses) {
        EXPECT_EQ(*addresses, Addresses{"lab"});
        if (++results < 3) return;
        lookup->Stop();
        io.stop();
      });
  const auto work = asio::make_work_guard(io);
  lookup->Start();
  io.run_for(std::chrono::seconds(30));
  EXPECT_EQ(results, 3);
}

TEST(NameLookup, DropsAResultAfterStopWithoutWaitingForIt) {
  const auto resolver = std::make_shared<SlowResolver>();
  {
    asio::io_context io;
    NameLookup lookup(
        asio::make_strand(io), Endpoint{"lab", 1}, std::chrono::milliseconds(1),
        [resolver](const Endpoint&) -> absl::StatusOr<Addresses> {
          resolver->asked.set_value();
          Awaited(resolver->may_answer.get_future(), "the test lets the resolver answer");
          return Addresses{};
        },
        [](const auto&) { ADD_FAILURE() << "called after Stop"; });
    lookup.Start();
    Awaited(resolver->asked.get_future(), "the resolver is asked");
    lookup.Stop();
    io.run_for(std::chrono::seconds(30));
    EXPECT_TRUE(io.stopped());
  }
  // The NameLookup is destroyed, but its thread has not returned yet.
  resolver->may_answer.set_value();
}

}  // namespace
}  // namespace probegate
