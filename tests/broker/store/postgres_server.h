// A PostgreSQL server for a test: Debian's, with a new and empty cluster, on a unix socket.
#pragma once

#include <string>

#include "tests/broker/store/store_folder.h"

namespace probegate::broker {

class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // As libpq takes it.
  std::string url() const { return "postgresql://probegate@/postgres?host=" + folder_.path(); }
  // Executes statements, each test on its own.
  void Execute(const std::string& sql) const;
  void Start() const;
  // At once, as a crash does.
  void Stop() const;

 private:
  // Runs one of PostgreSQL's programs, which refuse to be root's.
  void Run(const std::string& command) const;

  const StoreFolder folder_;
};

}  // namespace probegate::broker
