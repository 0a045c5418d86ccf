// Confines a program that a client talks to, by means of the kernel.
//
// gdb executes Python, and so do pyOCD's `monitor` commands. What a client writes is therefore code that these
// processes run, and it must not reach anything outside its session:
// - files: Landlock (docs.kernel.org/userspace-api/landlock.html) lets the process read only what is listed and write
//   only below its own work directory. If the kernel can restrict TCP (6.7 and later), the process may only connect to
//   one TCP port and listen on ports that the system picks. It cannot signal or trace other processes;
// - system calls: a seccomp filter allows those that gdb and pyOCD need (debug/launch/system_calls.h). It can start
//   threads but no processes, so `shell`, `!` and Python's os.system fail. It can only create IPv4 TCP sockets, and
//   cannot undo that the kernel kills it when its parent dies. It has no capabilities, even if it is root's;
// - memory, threads, open files and the size of files: resource limits.
//
// Threads: to be called in a process with one thread, shortly before it executes the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace probegate {

struct Confinement {
  std::string work_directory;         // in which it may create and write files and folders
  std::vector<std::string> readable;  // files and folders; those that do not exist are ignored
  uint16_t connect_port = 0;          // at any address, because Landlock does not check addresses; 0: none
  bool may_listen = false;            // on ports that the system picks
  // Sleeping takes no time. If gdb may not start processes, it retries `iconv -l` for 15 s, with sleeps in between,
  // before it does anything else. With this, it tries as often, but is ready at once.
  bool sleepless = false;
  uint64_t memory_bytes = 4ULL << 30;  // of address space
  uint64_t threads = 0;                // of this user, or of this session if it has a user namespace; 0: no limit
  int landlock_version = 1'000;        // the newest version of Landlock to use; tests stand for older kernels with it
};

// UNIMPLEMENTED if this kernel does not support Landlock or seccomp filters. Changes nothing.
absl::Status CanConfine();

// Confines the calling process permanently. Returns an error if any part of it failed.
absl::Status Confine(const Confinement& confinement);

}  // namespace probegate
