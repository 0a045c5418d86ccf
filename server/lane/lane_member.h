// A session as its lane keeps it, and its commands. Used by lane.cc, lane_queue.cc and lane_thread.cc alone.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "server/commands/command_table.h"
#include "server/lane/lane.h"
#include "server/lane/session.h"
#include "server/sharing/session_end.h"
#include "server/sharing/session_state.h"
#include "server/sharing/transfer_job.h"
#include "telemetry/scope.h"

namespace probegate {

// How many transfers go to the probe before other sessions have their turn: 4 KiB of memory, some 0.5 ms on a fast
// probe.
inline constexpr size_t kSliceTransfers = 1024;

// A command in the queue, or on its way.
struct PendingCommand {
  v1::StreamRequest request;
  ReplyCallback done;
  AbandonedCheck abandoned;  // null where there is no way to give up
  const CommandRow* row = nullptr;
  bool posted = false;             // StreamRequest.posted
  std::optional<TransferJob> job;  // kept while the command goes on in slices
  absl::Status refused;            // found wrong before it was queued; answered in its turn all the same
  OperationScope scope;            // counts it, once, whatever becomes of it

  // Whether it has to wait for another session's lock. What nobody waits for need not wait either.
  bool waits_for_lock() const {
    if (abandoned && abandoned()) return false;
    return refused.ok() && row != nullptr && (row->kind == CommandKind::kWire || row->kind == CommandKind::kLock);
  }
};

struct LaneMember {
  // Constant.
  std::string name;
  v1::ClientInfo client;
  std::chrono::system_clock::time_point opened_at;

  // The lane's thread only.
  SessionState state;

  // Guarded by the lane's mutex.
  std::deque<PendingCommand> queue;
  Session::EndCallback on_end;
  std::optional<SessionEnd> ended;  // by somebody else than its owner
  bool left = false;                // dropped by its owner
  bool executing = false;           // a command of it is on its way
  bool answering = false;           // the thread is about to answer it
  bool is_ready = false;            // it is in Lane::ready_
  uint32_t forgiven_unlocks = 0;    // for a lock that was taken away
  std::chrono::steady_clock::time_point last_active;
  std::chrono::system_clock::time_point last_command_at;
  bool has_open = false;
  bool is_connected = false;
  uint64_t command_count = 0;

  bool gone() const { return left || ended.has_value(); }
};

struct Lane::Item {
  MemberPtr member;
  PendingCommand command;
  v1::StreamResponse response;
  absl::Status status;
  bool farewell = false;    // no command: the session is gone, and gives back what it has
  bool unfinished = false;  // the rest of it goes on in another batch
  bool unheard = false;     // the session was dropped meanwhile: nobody is told
};

}  // namespace probegate
