// Where the broker keeps leases, the queue and the probes that it knows, so that they survive its end.
//
// The broker has all of it in memory, too, and reads the store only when it starts. So a store is a table of records
// for each kind, which the broker replaces and removes by key (docs/decisions/lease-records-as-messages.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace probegate::broker {

enum class RecordKind : uint8_t {
  kLease,  // a LeaseRecord, by the lease's name
  kProbe,  // a ProbeRecord, by its unique ID
};

// One row per kind: its table in both databases.
struct RecordKindRow {
  RecordKind kind;
  std::string_view table;
};
absl::Span<const RecordKindRow> RecordKinds();

struct Change {
  RecordKind kind = RecordKind::kLease;
  std::string key;
  std::optional<std::string> record;  // nothing: it is removed
};

// By key.
using Records = std::map<std::string, std::string>;

// One program has a store at a time. Threads: one at a time; all functions block.
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  // All records of a kind.
  virtual absl::StatusOr<Records> Load(RecordKind kind) = 0;

  // All of the changes, or none. They are durable when it returns OK: they survive the end of the program and of the
  // machine. Of several changes of a key, the last counts. UNAVAILABLE if it failed, with one line that says why: the
  // caller may try again, and the changes may have been made all the same. FAILED_PRECONDITION if another program has
  // taken the store over: trying again is of no use.
  virtual absl::Status Commit(const std::vector<Change>& changes) = 0;

  // Whether a commit would succeed now. Errors as for Commit.
  virtual absl::Status Check() = 0;
};

// The version of the schema that this program knows: that of the newest migration in each implementation.
inline constexpr int kSchemaVersion = 1;

// The error for a store whose schema is newer. `where` names the store.
absl::Status NewerSchema(const std::string& where, int version);

}  // namespace probegate::broker
