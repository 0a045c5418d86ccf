#include "base/socket_owner.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file_descriptor.h"
#include "base/socket.h"

namespace probegate {
namespace {

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 question;
};

struct Reply {
  nlmsghdr header;
  union {
    inet_diag_msg socket;
    nlmsgerr error;
  };
  char attributes[4096];
};

absl::Status Unavailable(const char* what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", ErrorText(error)));
}

// Copies the address into `to`, which has room for an IPv6 one, and returns the port. Both are in network byte order.
uint16_t Take(const sockaddr_storage& address, uint32_t* to) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    std::memcpy(to, &v4.sin_addr, sizeof v4.sin_addr);
    return v4.sin_port;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  std::memcpy(to, &v6.sin6_addr, sizeof v6.sin6_addr);
  return v6.sin6_port;
}

// Asks for the one socket whose own address is the peer's of `socket`, and whose peer is `socket`. The kernel finds it
// also if one of the two is an IPv6 socket with a mapped IPv4 address.
absl::StatusOr<Request> RequestFor(int socket) {
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t own_size = sizeof own;
  socklen_t peer_size = sizeof peer;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
      ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) {
    return absl::NotFoundError("the connection has ended");
  }
  Request request{};
  request.header = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST};
  inet_diag_req_v2& question = request.question;
  question.sdiag_family = static_cast<uint8_t>(peer.ss_family);
  question.sdiag_protocol = IPPROTO_TCP;
  question.idiag_states = ~0U;
  question.id.idiag_sport = Take(peer, question.id.idiag_src);
  question.id.idiag_dport = Take(own, question.id.idiag_dst);
  std::ranges::fill(question.id.idiag_cookie, INET_DIAG_NOCOOKIE);
  return request;
}

// Whether this is a user namespace that knows all users, such as the first one (user_namespaces(7)).
bool KnowsAllUsers() {
  constexpr uint64_t kAll = 4'294'967'295;
  std::ifstream map("/proc/self/uid_map");
  uint64_t first = 0;
  uint64_t outside = 0;
  uint64_t count = 0;
  return map >> first >> outside >> count && first == 0 && count == kAll;
}

// As whom the kernel shows the users that this user namespace does not know.
uid_t OverflowUser() {
  constexpr uid_t kDefault = 65534;
  std::ifstream file("/proc/sys/kernel/overflowuid");
  uid_t user = 0;
  return file >> user ? user : kDefault;
}

absl::StatusOr<uid_t> Read(const Reply& reply, ssize_t size) {
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof reply.error))) return Unavailable("sock_diag", EPROTO);
  if (reply.header.nlmsg_type == NLMSG_ERROR) {
    if (reply.error.error != -ENOENT) return Unavailable("sock_diag", -reply.error.error);
    return absl::NotFoundError("no process of this machine has the socket at the other end");
  }
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof reply.socket))) return Unavailable("sock_diag", EPROTO);
  // A socket that its process has closed has no inode, and the kernel says that root owns it. It looks at the user
  // first and at the inode then (inet_diag_msg_attrs_fill), so with an inode, the user is right.
  if (reply.socket.idiag_inode == 0) return absl::NotFoundError("the other end has closed its socket");
  // This program may be one of them, too.
  if (reply.socket.idiag_uid == OverflowUser() && !KnowsAllUsers()) {
    return absl::UnavailableError("this user namespace does not know its user");
  }
  return reply.socket.idiag_uid;
}

}  // namespace

absl::StatusOr<uid_t> OwnerOfPeer(int socket) {
  const auto request = RequestFor(socket);
  if (!request.ok()) return request.status();
  const FileDescriptor kernel(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!kernel.ok()) return Unavailable("sock_diag", errno);
  // The kernel answers within the call of send.
  if (::send(kernel.number(), &*request, sizeof(Request), 0) < 0) return Unavailable("sock_diag", errno);
  Reply reply{};
  const ssize_t size = ::recv(kernel.number(), &reply, sizeof reply, MSG_DONTWAIT);
  if (size < 0) return Unavailable("sock_diag", errno);
  return Read(reply, size);
}

}  // namespace probegate
