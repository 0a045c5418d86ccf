// A command in a lane, from the moment it is submitted until it is answered.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/commands/command_table.h"
#include "server/lane/session.h"
#include "server/sharing/transfer_job.h"
#include "telemetry/scope.h"

namespace probegate {

class ProbeMetrics;

struct LaneCommand {
  v1::StreamRequest request;
  ReplyCallback done;
  AbandonedCheck abandoned;         // null if its client cannot give it up
  const CommandRow* row = nullptr;  // null if the request holds no command; then it is refused
  bool posted = false;              // StreamRequest.posted
  std::optional<TransferJob> job;   // kept while the command goes on in slices
  absl::Status refused;             // an error found before its turn; the command is answered in its turn all the same
  OperationScope scope;             // counts the command, once, however it ends

  bool IsAbandoned() const { return abandoned && abandoned(); }
  // A command that is not refused, of this kind.
  bool Is(CommandKind kind) const { return refused.ok() && row->kind == kind; }
  // Whether it must wait while another session holds the lock. An abandoned command need not wait, because it will not
  // be carried out.
  bool WaitsForLock() const { return !IsAbandoned() && (Is(CommandKind::kWire) || Is(CommandKind::kLock)); }
  // Whether it needs a call of its own to the probe, so that it cannot be sent there together with others.
  bool RunsAlone() const { return Is(CommandKind::kWire) && row->run != nullptr && !job; }

  // From now on it is refused as abandoned.
  void GiveUp();
  // Fills in the answer to a lock or an unlock that was carried out.
  void FillLockResponse(v1::StreamResponse& response) const;
};

// The commands of `request` in order: the posted ones, then its own. The last command has `done` and `abandoned`, even
// if `request` has only posted commands. All of them wait from `now` on, and are counted in `metrics`, which must
// outlive them. Any thread.
std::vector<LaneCommand> MakeLaneCommands(v1::StreamRequest&& request, ReplyCallback done, AbandonedCheck abandoned,
                                          const ProbeMetrics& metrics, std::chrono::steady_clock::time_point now);

}  // namespace probegate
