// What every store must do. A new one is another row of kStores.
#include "broker/store/lease_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "broker/store/postgres_store.h"
#include "broker/store/sqlite_store.h"
#include "tests/broker/store/postgres_server.h"
#include "tests/broker/store/store_folder.h"

namespace probegate::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

// A place for a store, which outlives it.
class Place {
 public:
  virtual ~Place() = default;
  virtual absl::StatusOr<std::unique_ptr<LeaseStore>> Open() = 0;
};

class SqlitePlace final : public Place {
 public:
  absl::StatusOr<std::unique_ptr<LeaseStore>> Open() override { return OpenSqliteStore(folder_.File("store")); }

 private:
  const StoreFolder folder_;
};

// One server for all tests, which begin with an empty database.
class PostgresPlace final : public Place {
 public:
  PostgresPlace() { Server().Execute("DROP TABLE IF EXISTS broker, leases, probes"); }

  absl::StatusOr<std::unique_ptr<LeaseStore>> Open() override {
    return OpenPostgresStore(Server().url(), {.waiting = [] {}, .keep_going = [] { return true; }});
  }

 private:
  static PostgresServer& Server() {
    static PostgresServer server;
    return server;
  }
};

struct StoreRow {
  const char* name;
  std::function<std::unique_ptr<Place>()> make;
};
const StoreRow kStores[] = {
    {"sqlite", [] { return std::make_unique<SqlitePlace>(); }},
    {"postgresql", [] { return std::make_unique<PostgresPlace>(); }},
};

class LeaseStoreTest : public testing::TestWithParam<StoreRow> {
 protected:
  LeaseStoreTest() : place_(GetParam().make()) { Reopen(); }

  void Reopen() {
    store_ = nullptr;
    auto opened = place_->Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  void Commit(const std::vector<Change>& changes) {
    const absl::Status status = store_->Commit(changes);
    ASSERT_TRUE(status.ok()) << status;
  }

  Records Load(RecordKind kind) {
    auto records = store_->Load(kind);
    EXPECT_TRUE(records.ok()) << records.status();
    return records.ok() ? *std::move(records) : Records();
  }

  const std::unique_ptr<Place> place_;
  std::unique_ptr<LeaseStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, LeaseStoreTest, testing::ValuesIn(kStores),
                         [](const auto& test) { return test.param.name; });

TEST_P(LeaseStoreTest, IsEmptyAtFirst) {
  for (const RecordKindRow& row : RecordKinds()) EXPECT_THAT(Load(row.kind), IsEmpty());
}

TEST_P(LeaseStoreTest, KeepsWhatWasCommitted) {
  Commit({{RecordKind::kLease, "a", "one"}, {RecordKind::kLease, "b", "two"}, {RecordKind::kProbe, "a", "three"}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Load(RecordKind::kLease), ElementsAre(Pair("a", "one"), Pair("b", "two")));
    EXPECT_THAT(Load(RecordKind::kProbe), ElementsAre(Pair("a", "three")));
    Reopen();
  }
}

TEST_P(LeaseStoreTest, ReplacesAndRemoves) {
  Commit({{RecordKind::kLease, "a", "one"}, {RecordKind::kLease, "b", "two"}});
  Commit({{RecordKind::kLease, "a", "other"}, {RecordKind::kLease, "b", {}}, {RecordKind::kLease, "never", {}}});
  EXPECT_THAT(Load(RecordKind::kLease), ElementsAre(Pair("a", "other")));
}

TEST_P(LeaseStoreTest, TheLastChangeOfAKeyCounts) {
  Commit({{RecordKind::kLease, "a", "one"},
          {RecordKind::kLease, "a", {}},
          {RecordKind::kLease, "b", "two"},
          {RecordKind::kLease, "b", "three"}});
  EXPECT_THAT(Load(RecordKind::kLease), ElementsAre(Pair("b", "three")));
}

TEST_P(LeaseStoreTest, RecordsAreAnyBytes) {
  const std::string all = [] {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    return bytes;
  }();
  Commit({{RecordKind::kLease, "all", all}, {RecordKind::kLease, "none", ""}});
  EXPECT_THAT(Load(RecordKind::kLease), ElementsAre(Pair("all", all), Pair("none", "")));
}

TEST_P(LeaseStoreTest, KeysAreAnyText) {
  const std::string key = "o'Neil \"; DROP TABLE leases; -- \xC3\xA9 \\ % _";
  Commit({{RecordKind::kLease, key, "one"}, {RecordKind::kLease, "a", "two"}});
  Commit({{RecordKind::kLease, "a", {}}});
  EXPECT_THAT(Load(RecordKind::kLease), ElementsAre(Pair(key, "one")));
}

TEST_P(LeaseStoreTest, ManyChangesAtOnce) {
  std::vector<Change> changes;
  for (int i = 0; i < 10'000; ++i) changes.push_back({RecordKind::kLease, std::to_string(i), std::string(300, 'x')});
  Commit(changes);
  Reopen();
  EXPECT_THAT(Load(RecordKind::kLease), SizeIs(10'000));
}

TEST_P(LeaseStoreTest, CanBeChecked) { EXPECT_TRUE(store_->Check().ok()); }

// The store is what a map would be after the same changes.
TEST_P(LeaseStoreTest, RandomChanges) {
  std::mt19937 numbers(5);
  Records expected;
  for (int round = 0; round < 200; ++round) {
    std::vector<Change> changes(numbers() % 8);
    for (Change& change : changes) {
      change = {RecordKind::kProbe, std::to_string(numbers() % 20), std::to_string(numbers())};
      if (numbers() % 3 == 0) change.record.reset();
      if (change.record) {
        expected[change.key] = *change.record;
      } else {
        expected.erase(change.key);
      }
    }
    Commit(changes);
    if (round % 50 == 0) Reopen();
  }
  EXPECT_EQ(Load(RecordKind::kProbe), expected);
}

}  // namespace
}  // namespace probegate::broker
