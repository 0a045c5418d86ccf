// Forwards the TCP connections that a listening socket accepts to a port on this process's loopback. The socket may
// belong to another network namespace: so a session reaches its gateway, and nothing else, from its own.
#pragma once

#include <cstdint>

#include "base/file_descriptor.h"

namespace probegate {

// Forwards until the process is killed. `listener` must be non-blocking. At most 16 connections are forwarded at a
// time, and no more than 64 KiB are held of each, in each direction; others wait.
[[noreturn]] void Forward(FileDescriptor listener, uint16_t port);

}  // namespace probegate
