#include "broker/store/postgres_store.h"

#include <chrono>
#include <cstdint>
#include <iterator>
#include <pqxx/pqxx>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"

namespace probegate::broker {
namespace {

// The statements that lead from each version of the schema to the next, from version 0, which has no table. `broker`
// has one row.
constexpr const char* kMigrations[] = {
    "CREATE TABLE broker (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL,"
    " epoch bigint NOT NULL);"
    "INSERT INTO broker (version, epoch) VALUES (0, 0);"
    "CREATE TABLE leases (key text COLLATE \"C\" PRIMARY KEY, record bytea NOT NULL);"
    "CREATE TABLE probes (key text COLLATE \"C\" PRIMARY KEY, record bytea NOT NULL);",
};
static_assert(std::size(kMigrations) == kSchemaVersion);

constexpr int64_t kLock = 0x70676272;  // the advisory lock of the active broker: "pgbr"
constexpr std::chrono::milliseconds kPoll{200};
constexpr char kPlace[] = "in PostgreSQL";

// Another broker has become active.
struct Superseded {};
// The schema has this version.
struct Newer {
  int version;
};

class PostgresStore final : public LeaseStore {
 public:
  explicit PostgresStore(std::string url) : url_(std::move(url)) {}

  absl::Status Activate(const Standby& standby);
  absl::StatusOr<Records> Load(RecordKind kind) override;
  absl::Status Commit(const std::vector<Change>& changes) override;
  absl::Status Check() override { return Commit({}); }

 private:
  // Calls `work`, which throws if it fails, with a connection.
  template <typename Work>
  absl::Status Try(Work work);
  pqxx::connection& Connected();
  void Prepare(pqxx::connection& connection);
  bool TakeLock(pqxx::connection& connection);
  void Migrate();
  void CheckEpoch(pqxx::work& transaction) const;

  const std::string url_;
  std::unique_ptr<pqxx::connection> connection_;  // null if it has to be made
  bool locked_ = false;                           // this connection has the advisory lock
  int64_t epoch_ = 0;
};

std::string Table(RecordKind kind) { return std::string(RecordKinds()[static_cast<size_t>(kind)].table); }

template <typename Work>
absl::Status PostgresStore::Try(Work work) {
  try {
    work(Connected());
    return absl::OkStatus();
  } catch (const Superseded&) {
    return absl::FailedPreconditionError("another broker has become active; this one must be started again");
  } catch (const Newer& newer) {
    return NewerSchema(kPlace, newer.version);
  } catch (const std::exception& error) {
    // Whatever is wrong, a new connection may be better.
    connection_ = nullptr;
    return absl::UnavailableError(absl::StrCat("cannot use the store in PostgreSQL: ", OneLine(error.what(), 1024)));
  }
}

pqxx::connection& PostgresStore::Connected() {
  if (connection_ == nullptr) {
    locked_ = false;
    connection_ = std::make_unique<pqxx::connection>(url_);
  }
  return *connection_;
}

void PostgresStore::Prepare(pqxx::connection& connection) {
  for (const RecordKindRow& row : RecordKinds()) {
    const std::string table(row.table);
    connection.prepare("put_" + table, "INSERT INTO " + table +
                                           " (key, record) VALUES ($1, $2) "
                                           "ON CONFLICT (key) DO UPDATE SET record = EXCLUDED.record");
    connection.prepare("erase_" + table, "DELETE FROM " + table + " WHERE key = $1");
  }
}

bool PostgresStore::TakeLock(pqxx::connection& connection) {
  if (locked_) return true;
  pqxx::nontransaction session(connection);
  locked_ = session.exec1(absl::StrCat("SELECT pg_try_advisory_lock(", kLock, ")"))[0].as<bool>();
  return locked_;
}

absl::Status PostgresStore::Activate(const Standby& standby) {
  for (bool waits = false; true; std::this_thread::sleep_for(kPoll)) {
    bool active = false;
    const absl::Status status = Try([&](pqxx::connection& connection) { active = TakeLock(connection); });
    if (active) break;
    // A standby outlives a restart of the database.
    if (!status.ok() && !waits) return status;
    if (!std::exchange(waits, true)) standby.waiting();
    if (!standby.keep_going()) return absl::CancelledError("another broker is active, and this one stops waiting");
  }
  return Try([this](pqxx::connection&) { Migrate(); });
}

void PostgresStore::Migrate() {
  pqxx::work transaction(*connection_);
  const bool exists = transaction.exec1("SELECT to_regclass('broker') IS NOT NULL")[0].as<bool>();
  const int version = exists ? transaction.exec1("SELECT version FROM broker")[0].as<int>() : 0;
  if (version > kSchemaVersion) throw Newer{version};
  for (int next = version; next < kSchemaVersion; ++next) transaction.exec(kMigrations[next]);
  const std::string take =
      absl::StrCat("UPDATE broker SET version = ", kSchemaVersion, ", epoch = epoch + 1 RETURNING epoch");
  epoch_ = transaction.exec1(take)[0].as<int64_t>();
  transaction.commit();
  Prepare(*connection_);
}

// Locks the row until the end of the transaction, so that nobody becomes active in between.
void PostgresStore::CheckEpoch(pqxx::work& transaction) const {
  if (transaction.exec1("SELECT epoch FROM broker FOR SHARE")[0].as<int64_t>() != epoch_) throw Superseded();
}

absl::StatusOr<Records> PostgresStore::Load(RecordKind kind) {
  Records records;
  absl::Status status = Try([&](pqxx::connection& connection) {
    pqxx::work transaction(connection);
    CheckEpoch(transaction);
    for (const auto& row : transaction.exec("SELECT key, record FROM " + Table(kind))) {
      records[row[0].as<std::string>()] = pqxx::binarystring(row[1]).str();
    }
  });
  if (!status.ok()) return status;
  return records;
}

absl::Status PostgresStore::Commit(const std::vector<Change>& changes) {
  const bool is_new = connection_ == nullptr;
  return Try([&](pqxx::connection& connection) {
    if (is_new) Prepare(connection);
    // After a broken connection, the database may believe for a while that the old one still has the lock. The epoch
    // tells whether another broker has had it.
    (void)TakeLock(connection);
    pqxx::work transaction(connection);
    CheckEpoch(transaction);
    for (const Change& change : changes) {
      if (change.record) {
        transaction.exec_prepared("put_" + Table(change.kind), change.key, pqxx::binarystring(*change.record));
      } else {
        transaction.exec_prepared("erase_" + Table(change.kind), change.key);
      }
    }
    transaction.commit();
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<LeaseStore>> OpenPostgresStore(const std::string& url, const Standby& standby) {
  auto store = std::make_unique<PostgresStore>(url);
  if (absl::Status status = store->Activate(standby); !status.ok()) return status;
  return store;
}

}  // namespace probegate::broker
