#include "broker/store/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/broker/store/store_folder.h"

namespace probegate::broker {
namespace {

using testing::HasSubstr;

void Execute(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(SqliteStore, IsForOneBroker) {
  const StoreFolder folder;
  const auto first = OpenSqliteStore(folder.File("store"));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = OpenSqliteStore(folder.File("store"));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another program has the store"));
}

TEST(SqliteStore, OthersMayNotReadIt) {
  const StoreFolder folder;
  ASSERT_TRUE(OpenSqliteStore(folder.File("store")).ok());
  struct stat status{};
  ASSERT_EQ(::stat(folder.File("store").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST(SqliteStore, ANewerSchemaIsRefused) {
  const StoreFolder folder;
  ASSERT_TRUE(OpenSqliteStore(folder.File("store")).ok());
  Execute(folder.File("store"), "PRAGMA user_version=99");
  const auto opened = OpenSqliteStore(folder.File("store"));
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("has version 99 of the schema"));
}

TEST(SqliteStore, OtherFilesAreRefused) {
  const StoreFolder folder;
  Execute(folder.File("other"), "CREATE TABLE things (name TEXT)");
  EXPECT_THAT(std::string(OpenSqliteStore(folder.File("other")).status().message()),
              HasSubstr("not a store of probegate-broker"));
  std::ofstream(folder.File("text")) << std::string(4096, 'x');
  EXPECT_THAT(std::string(OpenSqliteStore(folder.File("text")).status().message()),
              HasSubstr("file is not a database"));
  EXPECT_THAT(std::string(OpenSqliteStore(folder.File("missing/store")).status().message()),
              HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace probegate::broker
