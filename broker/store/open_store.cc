#include "broker/store/open_store.h"

#include "broker/store/postgres_store.h"
#include "broker/store/sqlite_store.h"

namespace probegate::broker {

absl::StatusOr<std::unique_ptr<LeaseStore>> OpenStore(const std::string& where, const Standby& standby) {
  for (const char* const scheme : {"postgresql://", "postgres://"}) {
    if (where.starts_with(scheme)) return OpenPostgresStore(where, standby);
  }
  return OpenSqliteStore(where);
}

}  // namespace probegate::broker
