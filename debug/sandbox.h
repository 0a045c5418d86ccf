// The namespaces in which a session's GDB server and gdb run, if the kernel allows them (debug/launch/namespaces.h): a
// probegate-launch that holds them and forwards the session's connections to its gateway. When this object is
// destroyed, everything in them is killed, and the session's files are gone.
//
// Threads: one at a time; the thread that starts a sandbox must outlive it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "debug/process.h"

namespace probegate {

// How much a session may write into its folder in all, if it has a sandbox.
inline constexpr uint64_t kFolderBytes = uint64_t{64} << 20;

class Sandbox {
 public:
  // `launcher` is the path of probegate-launch, `work` the session's folder, `group` its control group or empty, and
  // `port` its gateway's, which is the same in the sandbox. Blocks until the sandbox exists, usually for some
  // milliseconds. The error says which step failed.
  static absl::StatusOr<Sandbox> Start(const std::string& launcher, const std::string& work, const std::string& group,
                                       uint16_t port);

  // The process whose namespaces a program must enter (probegate-launch --enter).
  pid_t first() const { return first_; }

 private:
  Sandbox(Process process, FileDescriptor output, pid_t first)
      : process_(std::move(process)), output_(std::move(output)), first_(first) {}

  Process process_;
  FileDescriptor output_;  // so that it may print to the end
  pid_t first_;
};

// Whether a confined program can run in a sandbox whose folder is `work`, for a program that tries it at its start.
// Blocks for some milliseconds.
absl::Status TrySandbox(const std::string& launcher, const std::string& work);

}  // namespace probegate
