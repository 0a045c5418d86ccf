// A store in a PostgreSQL database, for a broker and its standbys.
//
// The active broker holds an advisory lock; the others wait for it. The lock alone would not be enough: if the
// connection breaks, the database gives the lock to a standby, and the old broker may not know yet. So each broker that
// becomes active takes the next number of a row, and each transaction checks that the number is still its own
// (docs/decisions/an-epoch-beside-the-advisory-lock.md).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/store/open_store.h"

namespace probegate::broker {

// Connects, waits until no other broker is active, and brings the schema up to date. `url` is libpq's; a database for
// the broker alone. UNAVAILABLE if the database cannot be reached or used, FAILED_PRECONDITION if a newer program has
// written the schema, CANCELLED if the standby gives up. Messages do not have the URL, which may contain a password.
absl::StatusOr<std::unique_ptr<LeaseStore>> OpenPostgresStore(const std::string& url, const Standby& standby);

}  // namespace probegate::broker
