// What a tool that a client talks to is kept from, by the kernel.
//
// gdb runs Python and pyOCD's `monitor` commands do too, so a client's text is code that these processes run. None of
// it may reach what is not the session's:
// - files: Landlock (docs.kernel.org/userspace-api/landlock.html) lets the process read what is listed and write below
//   its own work directory; where the kernel knows how (6.7 and later), it may connect to one TCP port and listen on
//   ports that the system picks; it cannot signal or trace others;
// - processes: a seccomp filter lets it start threads but no process, so `shell`, `!` and Python's os.system fail; it
//   makes no sockets but IPv4 TCP; it cannot undo that it dies with its parent;
// - memory, open files, the size of a file: resource limits.
//
// Threads: of a process with one, shortly before it becomes the tool.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace probegate {

struct Confinement {
  std::string work_directory;         // may be written, as far as files and folders go
  std::vector<std::string> readable;  // files and folders; those that are not there are left out
  uint16_t connect_port = 0;          // on any address, as Landlock has it; 0: none
  bool may_listen = false;            // on ports that the system picks
  // Its sleeps take no time. gdb tries for 15 s to run `iconv -l` before it does anything, where it may start no
  // process; so it tries as often, and is there at once.
  bool sleepless = false;
  uint64_t memory_bytes = 4ULL << 30;  // of address space
};

// UNIMPLEMENTED where this kernel has no Landlock or no seccomp filters. Changes nothing.
absl::Status CanConfine();

// Confines the calling process, for good. An error where something of it could not be done.
absl::Status Confine(const Confinement& confinement);

}  // namespace probegate
