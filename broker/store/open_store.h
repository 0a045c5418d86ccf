// Opens the store that --store names.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/store/lease_store.h"

namespace probegate::broker {

// While another broker is active. Called on the thread that opens the store, several times a second; must not block.
struct Standby {
  std::function<void()> waiting;     // called once, when the wait begins
  std::function<bool()> keep_going;  // false: give up
};

// `where` is a postgresql:// URL, or the path of an SQLite file. Blocks: for as long as another broker uses the same
// database, this one is its standby. CANCELLED if the standby gives up; other errors as OpenSqliteStore and
// OpenPostgresStore.
absl::StatusOr<std::unique_ptr<LeaseStore>> OpenStore(const std::string& where, const Standby& standby);

}  // namespace probegate::broker
