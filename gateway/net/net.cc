#include "gateway/net/net.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "asio/ip/v6_only.hpp"
#include "base/socket.h"

namespace probegate {
namespace {

// Whether closing the socket resets the connection (SO_LINGER with a time of 0). Not by Asio's option: if that was set,
// the destructor of Asio's sockets turns it off, and sends a FIN.
void ResetOnClose(Socket& socket, bool reset) {
  const linger option{.l_onoff = reset ? 1 : 0, .l_linger = 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_LINGER, &option, sizeof(option));
}

}  // namespace

void ConfigureSocket(Socket& socket) {
  asio::error_code ignored;
  socket.non_blocking(true, ignored);
  SetUpConnection(socket.native_handle());
  ResetOnClose(socket, true);
}

void CloseInOrder(Socket& socket) {
  asio::error_code ignored;
  ResetOnClose(socket, false);
  socket.close(ignored);
}

size_t UnacknowledgedBytes(Socket& socket) {
  int bytes = 0;
  if (!socket.is_open() || ::ioctl(socket.native_handle(), SIOCOUTQ, &bytes) != 0) return 0;
  return static_cast<size_t>(bytes);
}

void ResetSocket(Socket& socket) {
  asio::error_code ignored;
  ResetOnClose(socket, true);
  socket.close(ignored);
}

bool HasPendingError(Socket& socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

std::string ToString(const asio::ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v6() && !address.to_v6().is_v4_mapped()) {
    return "[" + address.to_string() + "]:" + std::to_string(endpoint.port());
  }
  const auto plain =
      address.is_v6() ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()) : address.to_v4();
  return plain.to_string() + ":" + std::to_string(endpoint.port());
}

}  // namespace probegate
