#include "broker/store/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file_descriptor.h"

namespace probegate::broker {
namespace {

// The statements that lead from each version of the schema to the next, from version 0, which is an empty file.
constexpr const char* kMigrations[] = {
    "CREATE TABLE leases (key TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE probes (key TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;",
};
static_assert(std::size(kMigrations) == kSchemaVersion);

// "pgbr": tells a store from other SQLite files (PRAGMA application_id).
constexpr int kApplicationId = 0x70676272;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

class SqliteStore final : public LeaseStore {
 public:
  SqliteStore(std::string path, Database database) : path_(std::move(path)), database_(std::move(database)) {}

  absl::Status Prepare();
  absl::StatusOr<Records> Load(RecordKind kind) override;
  absl::Status Commit(const std::vector<Change>& changes) override;
  // The file is locked, and its disk is only asked if there is something to write.
  absl::Status Check() override { return absl::OkStatus(); }

 private:
  struct Statements {
    Statement put;
    Statement erase;
    Statement load;
  };

  absl::Status Error(absl::StatusCode code, const std::string& what) const;
  absl::Status Run(const std::string& sql);
  absl::StatusOr<int> Number(const std::string& pragma);
  absl::StatusOr<Statement> Compile(const std::string& sql);
  absl::Status Migrate();
  absl::Status Make(const Change& change);
  Statements& Of(RecordKind kind) { return statements_[static_cast<size_t>(kind)]; }

  const std::string path_;
  const Database database_;
  std::vector<Statements> statements_;  // by kind
};

absl::Status SqliteStore::Error(absl::StatusCode code, const std::string& what) const {
  return {code, absl::StrCat("cannot ", what, " the store ", path_, ": ", sqlite3_errmsg(database_.get()))};
}

absl::Status SqliteStore::Run(const std::string& sql) {
  const int result = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result == SQLITE_OK) return absl::OkStatus();
  if (result == SQLITE_BUSY) {
    return absl::FailedPreconditionError(
        absl::StrCat("another program has the store ", path_, " open; a file is for one broker only"));
  }
  return Error(absl::StatusCode::kInvalidArgument, "open");
}

absl::StatusOr<int> SqliteStore::Number(const std::string& pragma) {
  auto statement = Compile("PRAGMA " + pragma);
  if (!statement.ok()) return statement.status();
  if (sqlite3_step(statement->get()) != SQLITE_ROW) return Error(absl::StatusCode::kInvalidArgument, "read");
  return sqlite3_column_int(statement->get(), 0);
}

absl::StatusOr<Statement> SqliteStore::Compile(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int result =
      sqlite3_prepare_v2(database_.get(), sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  if (result != SQLITE_OK) return Error(absl::StatusCode::kInvalidArgument, "use");
  return Statement(statement);
}

absl::Status SqliteStore::Prepare() {
  // The lock is taken by the first transaction, and kept.
  for (const char* setting : {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"}) {
    if (absl::Status status = Run(setting); !status.ok()) return status;
  }
  if (absl::Status status = Run("BEGIN IMMEDIATE"); !status.ok()) return status;
  absl::Status migrated = Migrate();
  if (absl::Status ended = Run(migrated.ok() ? "COMMIT" : "ROLLBACK"); migrated.ok()) migrated = ended;
  if (!migrated.ok()) return migrated;
  for (const RecordKindRow& row : RecordKinds()) {
    const std::string table(row.table);
    auto put = Compile("INSERT OR REPLACE INTO " + table + " (key, record) VALUES (?1, ?2)");
    auto erase = Compile("DELETE FROM " + table + " WHERE key = ?1");
    auto load = Compile("SELECT key, record FROM " + table);
    for (const auto* statement : {&put, &erase, &load}) {
      if (!statement->ok()) return statement->status();
    }
    statements_.push_back({.put = *std::move(put), .erase = *std::move(erase), .load = *std::move(load)});
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::Migrate() {
  const auto version = Number("user_version");
  if (!version.ok()) return version.status();
  const auto application = Number("application_id");
  if (!application.ok()) return application.status();
  const auto tables = Number("schema_version");  // changes with each table; 0 in an empty file
  if (!tables.ok()) return tables.status();
  if (*application != kApplicationId && *tables != 0) {
    return absl::InvalidArgumentError(path_ + " is a SQLite file, but not a store of probegate-broker");
  }
  if (*version > kSchemaVersion) return NewerSchema(path_, *version);
  for (int next = *version; next < kSchemaVersion; ++next) {
    if (absl::Status status = Run(kMigrations[next]); !status.ok()) return status;
  }
  return Run(absl::StrFormat("PRAGMA application_id=%d; PRAGMA user_version=%d", kApplicationId, kSchemaVersion));
}

absl::StatusOr<Records> SqliteStore::Load(RecordKind kind) {
  sqlite3_stmt* const statement = Of(kind).load.get();
  Records records;
  int result = 0;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
    const auto text = [statement](int column) {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      return std::string(bytes == nullptr ? "" : bytes, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
    };
    std::string key = text(0);
    records[std::move(key)] = text(1);
  }
  sqlite3_reset(statement);
  if (result != SQLITE_DONE) return Error(absl::StatusCode::kUnavailable, "read");
  return records;
}

absl::Status SqliteStore::Make(const Change& change) {
  sqlite3_stmt* const statement = change.record ? Of(change.kind).put.get() : Of(change.kind).erase.get();
  sqlite3_bind_text(statement, 1, change.key.data(), static_cast<int>(change.key.size()), SQLITE_STATIC);
  if (change.record) {
    sqlite3_bind_blob(statement, 2, change.record->data(), static_cast<int>(change.record->size()), SQLITE_STATIC);
  }
  const int result = sqlite3_step(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return result == SQLITE_DONE ? absl::OkStatus() : Error(absl::StatusCode::kUnavailable, "write to");
}

absl::Status SqliteStore::Commit(const std::vector<Change>& changes) {
  const auto run = [this](const char* sql) {
    return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK
               ? absl::OkStatus()
               : Error(absl::StatusCode::kUnavailable, "write to");
  };
  absl::Status status = run("BEGIN IMMEDIATE");
  if (!status.ok()) return status;
  for (const Change& change : changes) {
    if (status.ok()) status = Make(change);
  }
  if (status.ok()) status = run("COMMIT");
  // After a failure, SQLite may have rolled back already.
  if (!status.ok() && sqlite3_get_autocommit(database_.get()) == 0) (void)run("ROLLBACK");
  return status;
}

// SQLite would create the file with the process's umask. Its other files get the mode of this one.
absl::Status CreatePrivate(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("cannot open the store ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LeaseStore>> OpenSqliteStore(const std::string& path) {
  if (absl::Status status = CreatePrivate(path); !status.ok()) return status;
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database database(opened);
  if (result != SQLITE_OK) {
    return absl::InvalidArgumentError(absl::StrCat("cannot open the store ", path, ": ", sqlite3_errstr(result)));
  }
  auto store = std::make_unique<SqliteStore>(path, std::move(database));
  if (absl::Status status = store->Prepare(); !status.ok()) return status;
  return store;
}

}  // namespace probegate::broker
