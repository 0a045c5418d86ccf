// Which user is at the other end of a TCP connection on this machine.
#pragma once

#include <sys/types.h>

#include "absl/status/statusor.h"

namespace probegate {

// The user who made the socket at the other end of the connected TCP socket `socket`, as the kernel says
// (sock_diag(7)). NOT_FOUND if no process of this network namespace has that socket: it belongs to another machine, or
// its process has already closed it. UNAVAILABLE, with the reason, if the kernel does not say, or if this user
// namespace does not know the user: all users that it does not know look the same (user_namespaces(7)).
//
// Threads: any. Does not block.
absl::StatusOr<uid_t> OwnerOfPeer(int socket);

}  // namespace probegate
