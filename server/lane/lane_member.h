// A session as its lane keeps it: the commands that wait, and how the session ends.
//
// A session ends in one of two ways: its owner drops it (Leave), or something else ends it (End): another user kicks
// it, its probe is lost, or the server stops.
//
//             End, nothing on the wire
//   +-------+                            +--------+
//   | kOpen |--------------------------->| kEnded |
//   +-------+                            +--------+
//     |   |                                ^    |
//     |   | End, a command    +---------+  |    |
//     |   | on the wire       |         |--+    |
//     |   +------------------>| kEnding | Answered
//     |                       +---------+       |
//     | Leave                      | Leave      | Leave
//     v                            v            v
//   +-----------------------------------------------+
//   |                     kLeft                     |
//   +-----------------------------------------------+
//
//             ended by         what its client is still told
//   kOpen     -                the answer to each command
//   kEnding   something else   the answer to the command on the wire; then as kEnded
//   kEnded    something else   first, once: `why` for each queued command, then the end callback;
//                              from then on: `why`, at once, for each command that it submits
//   kLeft     its owner        nothing; but if it was ended before: `why`, at once, for each command that it submits
//
// A command is on the wire until it has been carried out, or given up because its session has ended: then its answer is
// `why`. What was carried out is answered right after that, in order
// and without the lane's mutex: an End or a Leave that comes in between does not hold these answers back, and what
// follows from End may reach the client before them.
//
// When a session leaves kOpen, its lock is freed, and one farewell is due, in the session's turn (LaneQueue): the
// lane's thread gives back what the session has of the probe, and the lane forgets it.
//
// Threads: the lane's mutex guards everything except `state`, which belongs to the lane's thread except for its `over`,
// and what is constant:
// name(), and end() once the session is no longer open.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/lane/lane_command.h"
#include "server/lane/session.h"
#include "server/sharing/session_end.h"
#include "server/sharing/session_state.h"
#include "server/sharing/transfer_job.h"

namespace probegate {

class LaneMember {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // What an ended session leaves to its lane, which answers or drops it after it has released the mutex: a callback may
  // own much that is then destroyed.
  struct Leftovers {
    std::deque<LaneCommand> commands;  // in order
    Session::EndCallback on_end;       // null if there is none
  };

  // LaneQueue's own notes.
  struct Place {
    bool is_ready = false;
    uint32_t forgiven_unlocks = 0;   // how many unlocks it still owes for a lock that was taken away
    uint32_t forgiven_in_batch = 0;  // those of them that are in the batch
    size_t sharers = 1;  // when it came into the line: sessions of its client that were in line or held the lock
  };

  // `snapshot` has what does not change, and the time of opening; it says nothing about the lock.
  LaneMember(SessionSnapshot snapshot, Session::EndCallback on_end, TimePoint now);
  LaneMember(const LaneMember&) = delete;
  LaneMember& operator=(const LaneMember&) = delete;

  const std::string& name() const { return snapshot_.name; }

  SessionState state;
  Place place;

  // --- How it ends

  bool is_open() const { return stage_ == Stage::kOpen; }
  bool has_left() const { return stage_ == Stage::kLeft; }
  // Set if the session was not ended by its owner. Constant once the session is no longer open.
  const std::optional<SessionEnd>& end() const { return end_; }

  // Something other than its owner ends it; it must be open. Returns nothing if a command is on the wire; Answered then
  // returns the leftovers.
  std::optional<Leftovers> End(const SessionEnd& end);
  // Its owner drops it; calling it again does nothing.
  Leftovers Leave();

  // --- Its commands

  const std::deque<LaneCommand>& commands() const { return commands_; }
  // While it has commands on the wire, nothing is taken from it: answers come in the order of its commands.
  bool on_wire() const { return on_wire_; }

  // Its client has sent something.
  void NoteActive(TimePoint now);
  // Moves `commands` into the queue, after those that wait.
  void Add(std::vector<LaneCommand>& commands);
  LaneCommand& front() { return commands_.front(); }
  // Its first command, which is on the wire from now on, until Executed.
  LaneCommand TakeFront();
  // What was on the wire has been carried out, and is about to be answered.
  void Executed(TimePoint now);
  // The rest of what was on the wire goes on in a later batch.
  void PutBack(LaneCommand command) { commands_.push_front(std::move(command)); }
  // The commands that were on the wire have been answered. Returns what must be told next if the session was ended
  // meanwhile.
  std::optional<Leftovers> Answered();

  // --- What lists show

  // The session's state, without the lock, which depends on other sessions.
  const SessionSnapshot& snapshot() const { return snapshot_; }
  TimePoint last_active() const { return last_active_; }
  void CountCommand() { ++snapshot_.command_count; }
  void CountLock() { ++snapshot_.lock_count; }
  // Whether it has taken the lock since the last call, for the first time.
  bool TakeFirstLock() { return snapshot_.lock_count > 0 && !std::exchange(first_lock_taken_, true); }
  // What `job`, which has been carried out as far as it could be, has written to memory.
  void CountWrites(const TransferJob& job);
  // Brings the snapshot up to date with `state`. For the lane's thread. True if the session has opened or closed the
  // probe.
  bool UpdateSnapshot();

 private:
  enum class Stage : uint8_t { kOpen, kEnding, kEnded, kLeft };

  Leftovers TakeLeftovers();

  SessionSnapshot snapshot_;
  std::deque<LaneCommand> commands_;
  Session::EndCallback on_end_;
  Stage stage_ = Stage::kOpen;
  bool on_wire_ = false;
  bool first_lock_taken_ = false;  // by TakeFirstLock
  std::optional<SessionEnd> end_;
  TimePoint last_active_;
};

}  // namespace probegate
