// Every debug command the server knows: one row a command, the same for unary calls and for streams.
//
// A row says how a command uses the probe. Most are register transfers: a function makes a TransferJob of the request,
// and another the response of the job; the lane packs such jobs of many sessions together. The rest run one at a time
// on the SharedProbe. Both kinds have their limits checked before anything is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/sharing/shared_probe.h"
#include "server/sharing/transfer_job.h"

namespace probegate {

// How a command stands to the lane's lock.
enum class CommandKind : uint8_t {
  kWire,    // it waits while another session holds the lock
  kNoWire,  // it touches no wire and never waits
  kLock,    // the lane itself answers these two
  kUnlock,
};

// How a command stands to those that are posted in front of it (server/sharing/posted_failure.h).
enum class PostedRole : uint8_t {
  kMay,         // it may be posted itself; where it is not, it is as kTakes, or, a lock's, as kApart
  kTakes,       // it takes a failure, and is not carried out then
  kTakesAfter,  // it is carried out in any case, and takes a failure then: it gives something back
  kApart,       // it takes none
};

struct CommandRow {
  v1::StreamRequest::RequestCase request_case;
  std::string_view name;  // the protocols' name, e.g. "read_dp": for metrics, logs and messages
  CommandKind kind;
  PostedRole posted_role;

  // The command as transfers, or nothing where this request is no plain transfer: then `run` does it. Any thread.
  absl::StatusOr<std::optional<TransferJob>> (*make_job)(const v1::StreamRequest& request) = nullptr;
  // Fills in the response of a job that ended well.
  void (*finish_job)(const TransferJob& job, const v1::StreamRequest& request, v1::StreamResponse& response) = nullptr;
  // Does the command at once. The lane's thread.
  absl::Status (*run)(SharedProbe& probe, SessionState& session, const v1::StreamRequest& request,
                      v1::StreamResponse& response) = nullptr;
};

absl::Span<const CommandRow> CommandTable();

// Commands are counted by number: the row's place in the table, and one behind all for a request that holds no command
// (null).
size_t CommandNumber(const CommandRow* row);
// Its name, "none" for the last.
std::string_view CommandName(size_t number);

// The row of `request_case`, or null for open_session and for none.
const CommandRow* FindCommandRow(v1::StreamRequest::RequestCase request_case);

}  // namespace probegate
