// Control groups (cgroups(7), version 2) for sessions, if the group of this program is delegated to it
// (docs/debugging.md): a group of its own for each session, which bounds what all programs of the session use together,
// and in which they can be killed together.
//
// The program itself moves to the subgroup `debugd`, because a group whose subgroups are bounded must have no processes
// of its own. If it was started in a group of that name, the group above it is the one that is delegated.
//
// Threads: any, unless a function says otherwise.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"
#include "telemetry/log.h"

namespace probegate {

// What a session's programs may use together.
struct GroupLimits {
  uint64_t memory_bytes = uint64_t{1} << 30;  // including the files in the session's folder, if that is a tmpfs
  uint64_t threads = 256;
  double processors = 1;  // processor time in a second, in seconds
};

enum class GroupLimit : uint8_t { kMemory, kThreads, kProcessors };

struct GroupLimitRow {
  GroupLimit limit;
  const char* name;        // in metrics and in the log
  const char* controller;  // of the kernel
  const char* reached;     // if it has an event: what to tell the client
};
inline constexpr std::array<GroupLimitRow, 3> kGroupLimits = {{
    {GroupLimit::kMemory, "memory", "memory", "the session reached its limit of memory (--session-memory)"},
    {GroupLimit::kThreads, "threads", "pids", "the session reached its limit of threads (--session-threads)"},
    {GroupLimit::kProcessors, "processors", "cpu", nullptr},  // its programs wait
}};

// The group of one session. Threads: one at a time.
class SessionGroup {
 public:
  // Does what End does.
  ~SessionGroup() { End(); }
  SessionGroup(SessionGroup&& other) noexcept : path_(std::move(other.path_)), log_(other.log_) { other.path_.clear(); }
  SessionGroup(const SessionGroup&) = delete;
  SessionGroup& operator=(const SessionGroup&) = delete;
  SessionGroup& operator=(SessionGroup&&) = delete;

  // For probegate-launch --group.
  const std::string& path() const { return path_; }
  // Whether the session's programs were refused something because of a limit, or killed.
  bool Reached(GroupLimit limit) const;
  // Kills all processes in the group and removes it. Blocks until they have ended, at most for kPatience, and logs what
  // is left.
  void End();

 private:
  friend class SessionGroups;
  static constexpr std::chrono::seconds kPatience{2};

  SessionGroup(std::string path, Log& log) : path_(std::move(path)), log_(log) {}

  std::string path_;  // empty after End
  Log& log_;
};

class SessionGroups {
 public:
  // Takes the group that is delegated to this program, kills and removes what a killed probegate-debugd left in it, and
  // moves the program to the subgroup. The error says why there is no such group. Nothing has changed then, unless the
  // kernel allowed only some of these steps. Blocks. `log` must outlive this object.
  static absl::StatusOr<std::unique_ptr<SessionGroups>> Take(const GroupLimits& limits, Log& log);

  // Whether the kernel lets groups have this limit.
  bool Has(GroupLimit limit) const { return has_[static_cast<size_t>(limit)]; }
  // A group for a session. The error has the system's reason. Blocks.
  absl::StatusOr<SessionGroup> Make() const;

 private:
  SessionGroups(std::string path, FileDescriptor lock, const GroupLimits& limits, Log& log)
      : path_(std::move(path)), lock_(std::move(lock)), limits_(limits), log_(log) {}
  absl::Status MoveToSubgroup() const;
  void RemoveForgotten() const;
  void EnableLimits();
  absl::Status SetLimits(const std::string& group) const;

  const std::string path_;
  const FileDescriptor lock_;  // flock(2): of several programs, only one uses the group
  const GroupLimits limits_;
  Log& log_;
  std::array<bool, kGroupLimits.size()> has_{};
};

}  // namespace probegate
