// How a connection is protected from other machines and users.
#pragma once

#include <cstdint>

namespace probegate {

enum class Protection : uint8_t {
  kClear,     // not at all: TCP from another machine, without TLS
  kLoopback,  // TCP without TLS that does not leave this machine
  kUnix,      // a Unix socket: the kernel says which user is at the other end
  kTls,       // TLS, from wherever
};

}  // namespace probegate
