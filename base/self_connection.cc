#include "base/self_connection.h"

#include <cerrno>
#include <utility>

#include "base/unix_socket.h"

namespace probegate {
namespace {

Endpoint Reachable(Endpoint listening) {
  if (listening.host == "0.0.0.0") listening.host = "127.0.0.1";
  if (listening.host.empty() || listening.host == "::") listening.host = "::1";
  return listening;
}

OpenedSocket Failed(int error) { return {.socket = FileDescriptor(-1), .error = error}; }

}  // namespace

SelfConnector::SelfConnector(const Endpoint& listening, Expect expect)
    : path_(listening.is_unix() ? listening.host : ""),
      found_(path_.empty() ? Resolve(Reachable(listening)) : Resolution{}),
      expect_(std::move(expect)) {}

OpenedSocket SelfConnector::Connect(Deadline deadline) const {
  if (!path_.empty()) return ConnectToUnix(path_, deadline);
  if (!found_.ok()) return Failed(EADDRNOTAVAIL);
  const SocketAddress& to = found_.addresses.front();
  // The program's own address, so it is also where the connection can come from.
  OpenedSocket opened = BindAt(to.WithPort(0));
  if (opened.error != 0) return opened;
  const int socket = opened.socket.number();
  if (expect_) expect_(LocalEndpoint(socket));
  if (const int error = ConnectSocket(socket, to, deadline)) return Failed(error);
  return opened;
}

}  // namespace probegate
