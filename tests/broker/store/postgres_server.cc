#include "tests/broker/store/postgres_server.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace probegate::broker {

PostgresServer::PostgresServer() {
  if (::geteuid() == 0 && std::system(("chown postgres " + folder_.path()).c_str()) != 0) std::abort();
  Run("initdb --no-sync --auth=trust --username=probegate --encoding=UTF8 --locale=C.UTF-8 data");
  Start();
}

PostgresServer::~PostgresServer() { Stop(); }

void PostgresServer::Start() const {
  Run("pg_ctl start --wait --pgdata=data --log=log --options=\"-k " + folder_.path() + " -c listen_addresses=''\"");
}

void PostgresServer::Stop() const { Run("pg_ctl stop --wait --pgdata=data --mode=immediate"); }

void PostgresServer::Execute(const std::string& sql) const {
  Run("psql --quiet --command=\"" + sql + "\" '" + url() + "'");
}

void PostgresServer::Run(const std::string& command) const {
  const std::string user = ::geteuid() == 0 ? "runuser -u postgres -- " : "";
  const std::string find = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; ";
  const std::string shell = "cd " + folder_.path() + " && " + user + "sh -c '" + find + "exec \"$@\"' sh ";
  if (std::system((shell + command + " >>output 2>&1").c_str()) == 0) return;
  std::fprintf(stderr, "%s failed; Debian's package postgresql has it\n", command.c_str());
  (void)std::system(("cat " + folder_.File("output")).c_str());
  std::abort();
}

}  // namespace probegate::broker
