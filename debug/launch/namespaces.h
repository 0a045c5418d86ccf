// The namespaces (namespaces(7)) of a debugging session, if the kernel lets this user create them:
// - network: a loopback interface of the session's own, with nothing on it but the session's GDB server and a port that
//   stands for its gateway. Nothing on this machine or another can be reached, or can reach it, whatever Landlock can
//   restrict;
// - mount: everything is read-only, and the session's folder is a tmpfs of limited size, which is gone when the
//   session's programs are;
// - PID, IPC: other processes, and other sessions' System V and POSIX objects, have no names;
// - user: owns the others, and makes RLIMIT_NPROC count the session's threads only.
//
// They belong to a process that does nothing, the first of the PID namespace: when it dies, the kernel kills all
// programs of the session.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_descriptor.h"

namespace probegate {

struct NamespaceOptions {
  std::string work_directory;  // becomes the mount point of the tmpfs
  uint64_t work_bytes = 0;     // its size
  uint16_t port = 0;           // on which the session finds its gateway, on its own loopback; 0: none
};

struct Namespaces {
  pid_t first = 0;         // the process to which they belong; a child of the caller
  FileDescriptor gateway;  // listens on the port; the caller's own namespace does not matter for this socket
};

// Creates the namespaces. They end with the calling process. The error says which step failed. To be called in a
// process with one thread.
absl::StatusOr<Namespaces> MakeNamespaces(const NamespaceOptions& options);

// Moves the calling process into the namespaces of process `first`, except that only its children are in the PID
// namespace. To be called in a process with one thread, by the user who made them.
absl::Status EnterNamespaces(pid_t first);

}  // namespace probegate
