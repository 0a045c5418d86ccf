// Which user is at the other end of a TCP connection on this machine.
#pragma once

#include <sys/types.h>

#include "absl/status/statusor.h"

namespace probegate {

// The user who made the socket at the other end of the connected TCP socket `socket`, as the kernel says
// (sock_diag(7)). NOT_FOUND if no process of this network namespace has that socket: it belongs to another machine, or
// its process has already closed it. UNAVAILABLE, with the reason, if the kernel does not say. A user who is not known
// in this user namespace is the overflow user (user_namespaces(7)).
//
// Threads: any. Does not block.
absl::StatusOr<uid_t> OwnerOfPeer(int socket);

}  // namespace probegate
