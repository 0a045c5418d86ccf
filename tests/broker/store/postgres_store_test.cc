#include "broker/store/postgres_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/base/bounded_wait.h"
#include "tests/broker/store/postgres_server.h"

namespace probegate::broker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class PostgresStoreTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<LeaseStore>> Open() {
    return OpenPostgresStore(server_.url(),
                             {.waiting = [this] { waiting_ = true; }, .keep_going = [this] { return !stop_; }});
  }

  // One that must work.
  std::unique_ptr<LeaseStore> Opened() {
    auto store = Open();
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  PostgresServer server_;
  std::atomic<bool> waiting_ = false;
  std::atomic<bool> stop_ = false;
};

const std::vector<Change> kOne = {{RecordKind::kLease, "a", "one"}};
const std::vector<Change> kTwo = {{RecordKind::kLease, "a", "two"}};

TEST_F(PostgresStoreTest, AStandbyTakesOverWhenTheActiveOneIsGone) {
  auto active = Opened();
  ASSERT_TRUE(active->Commit(kOne).ok());
  auto standby = std::async(std::launch::async, [this] { return Open(); });
  AwaitTrue([this] { return waiting_.load(); }, "the second one waits");
  active = nullptr;
  const auto taken = Awaited(std::move(standby), "the standby takes over");
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_THAT(*(*taken)->Load(RecordKind::kLease), ElementsAre(Pair("a", "one")));
}

TEST_F(PostgresStoreTest, AStandbyCanGiveUp) {
  const auto active = Opened();
  stop_ = true;
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kCancelled);
}

// Its connection breaks, the database gives the lock to the standby, and the first broker does not know.
TEST_F(PostgresStoreTest, WhoWasSupersededCanNotWrite) {
  const auto first = Opened();
  ASSERT_TRUE(first->Commit(kOne).ok());
  auto standby = std::async(std::launch::async, [this] { return Open(); });
  AwaitTrue([this] { return waiting_.load(); }, "the second one waits");
  server_.Execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
  const auto second = Awaited(std::move(standby), "the standby takes over");
  ASSERT_TRUE(second.ok()) << second.status();
  absl::Status refused = first->Commit(kTwo);
  if (absl::IsUnavailable(refused)) refused = first->Commit(kTwo);  // the first attempt finds the broken connection
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another broker has become active"));
  EXPECT_THAT(*(*second)->Load(RecordKind::kLease), ElementsAre(Pair("a", "one")));
}

TEST_F(PostgresStoreTest, GoesOnWhenTheDatabaseIsBack) {
  const auto store = Opened();
  ASSERT_TRUE(store->Commit(kOne).ok());
  server_.Stop();
  EXPECT_EQ(store->Commit(kTwo).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store->Check().code(), absl::StatusCode::kUnavailable);
  server_.Start();
  EXPECT_TRUE(store->Commit(kTwo).ok());
  EXPECT_THAT(*store->Load(RecordKind::kLease), ElementsAre(Pair("a", "two")));
}

TEST_F(PostgresStoreTest, ANewerSchemaIsRefused) {
  Opened();
  server_.Execute("UPDATE broker SET version = 99");
  const auto opened = Open();
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("has version 99 of the schema"));
}

TEST_F(PostgresStoreTest, ADatabaseThatCannotBeReached) {
  const auto opened = OpenPostgresStore("postgresql://nobody:secret@/none?host=/nonexistent", {});
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("cannot use the store in PostgreSQL"));
  EXPECT_THAT(std::string(opened.status().message()), testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace probegate::broker
