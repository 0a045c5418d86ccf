// A store in a SQLite file, for a single broker.
//
// Each commit is one transaction, in WAL mode with synchronous=FULL: it waits until the disk has it. The file is locked
// for as long as the store exists, so a second broker cannot use it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/store/lease_store.h"

namespace probegate::broker {

// Opens the file, or creates it with mode 0600, and brings its schema up to date. FAILED_PRECONDITION if another
// program has it open, or a newer program has written it; INVALID_ARGUMENT if it is not such a store, or cannot be
// opened. The messages name the file.
absl::StatusOr<std::unique_ptr<LeaseStore>> OpenSqliteStore(const std::string& path);

}  // namespace probegate::broker
