// Connections on this machine's loopback. Tests with two users are in tests/interop/test_board_commands.py.
#include "base/socket_owner.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/file_descriptor.h"
#include "base/socket.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

Deadline Soon() { return std::chrono::steady_clock::now() + kWaitBound; }

SocketAddress At(const std::string& host, uint16_t port) { return Resolve({host, port}).addresses.at(0); }

struct Connection {
  std::optional<FileDescriptor> client;
  FileDescriptor accepted;
};

// A connection to a listener at `listen`, made to `host`.
Connection Connect(const std::string& listen, const std::string& host) {
  const OpenedSocket listener = ListenAt(At(listen, 0));
  EXPECT_EQ(listener.error, 0) << ErrorText(listener.error);
  OpenedSocket client = ConnectTo(At(host, LocalEndpoint(listener.socket.number()).port), Soon());
  EXPECT_EQ(client.error, 0) << ErrorText(client.error);
  return {std::move(client.socket),
          FileDescriptor(::accept4(listener.socket.number(), nullptr, nullptr, SOCK_CLOEXEC))};
}

TEST(SocketOwner, IsThisUserOverEachKindOfLoopback) {
  const std::pair<const char*, const char*> kinds[] = {{"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}, {"::", "127.0.0.1"}};
  for (const auto& [listen, host] : kinds) {
    const Connection connection = Connect(listen, host);
    const auto owner = OwnerOfPeer(connection.accepted.number());
    ASSERT_TRUE(owner.ok()) << owner.status() << " " << listen;
    EXPECT_EQ(*owner, ::geteuid()) << listen;
  }
}

// The kernel says that root owns such a socket, which may have been anyone's.
TEST(SocketOwner, IsNotKnownOfASocketThatHasBeenClosed) {
  Connection connection = Connect("127.0.0.1", "127.0.0.1");
  connection.client.reset();
  EXPECT_TRUE(absl::IsNotFound(OwnerOfPeer(connection.accepted.number()).status()));
}

// In a user namespace without a map, this user and all others look the same.
TEST(SocketOwner, IsNotKnownIfTheUserNamespaceDoesNotKnowTheUser) {
  constexpr int kNoNamespaces = 2;
  const Connection connection = Connect("127.0.0.1", "127.0.0.1");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER) != 0) ::_exit(kNoNamespaces);
    ::_exit(absl::IsUnavailable(OwnerOfPeer(connection.accepted.number()).status()) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoNamespaces) GTEST_SKIP() << "this system allows no user namespaces";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SocketOwner, IsNotKnownWithoutAConnection) {
  const OpenedSocket listener = ListenAt(At("127.0.0.1", 0));
  EXPECT_TRUE(absl::IsNotFound(OwnerOfPeer(listener.socket.number()).status()));
}

}  // namespace
}  // namespace probegate
