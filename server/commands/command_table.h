// Every debug command that the server knows: one row per command, used for unary calls and for streams.
//
// A row says how a command uses the probe. Most commands are register transfers: one function makes a TransferJob from
// the request, and another makes the response from the finished job; the lane sends the jobs of many sessions to the
// probe together. The other commands run one at a time on the SharedProbe. The limits of both kinds are checked before
// anything is allocated.
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

// How a command interacts with the lane's lock.
enum class CommandKind : uint8_t {
  kWire,    // it waits while another session holds the lock
  kNoWire,  // it does not use the wire and never waits
  kLock,    // the lane itself answers these two
  kUnlock,
};

// What a command does if a command that was posted before it has failed (server/sharing/posted_failure.h).
enum class PostedRole : uint8_t {
  kMay,         // it may be posted itself; if it is not, it acts as kTakes, or as kApart if it is lock or unlock
  kTakes,       // it is answered with the failure, and not carried out
  kTakesAfter,  // it is carried out in any case, because it gives something back, then answered with the failure
  kApart,       // it ignores the failure
};

struct CommandRow {
  v1::StreamRequest::RequestCase request_case;
  std::string_view name;  // the protocols' name, e.g. "read_dp": for metrics, logs and messages
  CommandKind kind;
  PostedRole posted_role;

  // The command as transfers; nothing if this request needs more than transfers, and then `run` carries it out. Any
  // thread.
  absl::StatusOr<std::optional<TransferJob>> (*make_job)(const v1::StreamRequest& request) = nullptr;
  // Fills in the response of a job that ended well.
  void (*finish_job)(const TransferJob& job, const v1::StreamRequest& request, v1::StreamResponse& response) = nullptr;
  // Carries out the whole command. The lane's thread.
  absl::Status (*run)(SharedProbe& probe, SessionState& session, const v1::StreamRequest& request,
                      v1::StreamResponse& response) = nullptr;
};

absl::Span<const CommandRow> CommandTable();

// The number by which commands are counted: the row's place in the table, or the size of the table if `row` is null,
// which means that the request contains no command.
size_t CommandNumber(const CommandRow* row);
// The name of the command with this number; "none" for a request that contains no command.
std::string_view CommandName(size_t number);

// The row of `request_case`; null for open_session, and for a request that contains no command.
const CommandRow* FindCommandRow(v1::StreamRequest::RequestCase request_case);

}  // namespace probegate
