// Connections of a program to its own listeners, to check whether it still accepts clients.
#pragma once

#include <functional>
#include <string>

#include "base/endpoint.h"
#include "base/socket.h"

namespace probegate {

// Threads: any.
class SelfConnector {
 public:
  // Is told the address, numeric and with its port, from which the next connection will come: so that it is accepted
  // even if strangers have used up the quota (AcceptLoop::Listener::Expect).
  using Expect = std::function<void(const Endpoint& from)>;

  // To the listener at `listening`, whose port is the actual one. If it listens on all addresses of this machine,
  // connections go over loopback. Blocks while a name is looked up, so that Connect need not. `expect` may be null; it
  // is not called for a unix socket, where the kernel says whose connection it is.
  SelfConnector(const Endpoint& listening, Expect expect);

  // Connects. The socket is non-blocking. The error is ETIMEDOUT if there is no connection by `deadline`, and
  // EADDRNOTAVAIL if the name could not be looked up.
  OpenedSocket Connect(Deadline deadline) const;

 private:
  const std::string path_;  // of a unix socket; empty: none
  const Resolution found_;
  const Expect expect_;
};

}  // namespace probegate
