// Sockets on this machine's loopback.
#include "base/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::AnyOf;

// For events that must happen. Only a test that fails waits this long.
Deadline Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(30); }
// For events that must not happen.
Deadline Now() { return std::chrono::steady_clock::now(); }

SocketAddress Loopback(uint16_t port) { return Resolve({"127.0.0.1", port}).addresses.at(0); }

// A listener on a port of its own.
class Listener {
 public:
  Listener() : opened_(ListenAt(Loopback(0))) { EXPECT_EQ(opened_.error, 0) << ErrorText(opened_.error); }

  int number() const { return opened_.socket.number(); }
  SocketAddress address() const { return Loopback(LocalEndpoint(number()).port); }
  FileDescriptor Accept() const { return FileDescriptor(::accept4(number(), nullptr, nullptr, SOCK_NONBLOCK)); }

 private:
  OpenedSocket opened_;
};

TEST(Resolve, DoesNotLookUpAnAddress) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    const Resolution found = Resolve({host, 80});
    ASSERT_TRUE(found.ok()) << found.why;
    ASSERT_EQ(found.addresses.size(), 1u);
    EXPECT_EQ(found.addresses[0].Host(), host);
  }
  EXPECT_EQ(Resolve({"127.0.0.1", 80}).addresses[0].family(), AF_INET);
  EXPECT_EQ(Resolve({"::1", 80}).addresses[0].family(), AF_INET6);
}

TEST(SocketAddress, IsAlsoAnEndpoint) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    EXPECT_EQ(Resolve({host, 80}).addresses.at(0).ToEndpoint(), (Endpoint{.host = host, .port = 80}));
  }
  const Endpoint mapped = Resolve({"::ffff:192.0.2.7", 80}).addresses.at(0).ToEndpoint();
  EXPECT_EQ(mapped, (Endpoint{.host = "192.0.2.7", .port = 80}));
}

TEST(Resolve, FindsThisMachineByName) {
  const Resolution found = Resolve({"localhost", 80});
  ASSERT_TRUE(found.ok()) << found.why;
  for (const SocketAddress& address : found.addresses) EXPECT_THAT(address.Host(), AnyOf("127.0.0.1", "::1"));
}

TEST(Resolve, SaysWhyALookUpFails) {
  const Resolution found = Resolve({"10.0.0.256", 80}, AI_NUMERICHOST);
  EXPECT_FALSE(found.ok());
  EXPECT_EQ(found.error, EAI_NONAME);
  EXPECT_EQ(found.why, gai_strerror(EAI_NONAME));
  EXPECT_TRUE(found.addresses.empty());
}

TEST(Socket, CarriesBytesUntilOneEndCloses) {
  const Listener listener;
  std::string received;
  {
    const OpenedSocket client = ConnectTo(listener.address(), Soon());
    ASSERT_EQ(client.error, 0) << ErrorText(client.error);
    ASSERT_EQ(WaitFor(listener.number(), POLLIN, Soon()), 0);
    const FileDescriptor server = listener.Accept();
    ASSERT_TRUE(server.ok());

    EXPECT_EQ(Receive(client.socket.number(), received, Now()).error, ETIMEDOUT);
    ASSERT_EQ(SendAll(server.number(), "hello", Soon()), 0);
    while (received.size() < 5) ASSERT_EQ(Receive(client.socket.number(), received, Soon()).error, 0);
    EXPECT_EQ(received, "hello");
    ASSERT_EQ(::shutdown(server.number(), SHUT_WR), 0);
    const Received end = Receive(client.socket.number(), received, Soon());
    EXPECT_EQ(end.size, 0u);
    EXPECT_EQ(end.error, 0);
  }
  EXPECT_EQ(received, "hello");
}

TEST(Socket, SendsMoreThanTheSystemBuffers) {
  const Listener listener;
  const OpenedSocket client = ConnectTo(listener.address(), Soon());
  ASSERT_EQ(client.error, 0);
  ASSERT_EQ(WaitFor(listener.number(), POLLIN, Soon()), 0);
  const FileDescriptor server = listener.Accept();
  const std::string much(size_t{64} << 20, 'x');
  EXPECT_EQ(SendAll(client.socket.number(), much, Now()), ETIMEDOUT) << "because the other end does not read";
}

TEST(Socket, ARefusedConnectionIsAnError) {
  std::vector<SocketAddress> address;
  {
    const Listener listener;
    address.push_back(listener.address());
  }
  const OpenedSocket client = ConnectTo(address[0], Soon());
  EXPECT_EQ(client.error, ECONNREFUSED);
  EXPECT_FALSE(client.socket.ok());
}

// A listener that does not accept, and whose backlog is full, does not answer further connections.
TEST(Socket, ConnectingEndsAtItsDeadline) {
  const Listener listener;
  ASSERT_EQ(::listen(listener.number(), 0), 0);
  std::vector<OpenedSocket> clients;
  while (clients.size() < 5 && (clients.empty() || clients.back().error == 0)) {
    clients.push_back(ConnectTo(listener.address(), Now() + std::chrono::milliseconds(50)));
  }
  EXPECT_EQ(clients.back().error, ETIMEDOUT);
}

TEST(Socket, APortHasOneListener) {
  const Listener listener;
  const OpenedSocket second = ListenAt(listener.address());
  EXPECT_EQ(second.error, EADDRINUSE);
  EXPECT_FALSE(second.socket.ok());
  EXPECT_EQ(ErrorText(EADDRINUSE), "Address already in use");
}

TEST(Socket, AConnectionIsSetUpForRequestsAndReplies) {
  const Listener listener;
  const OpenedSocket client = ConnectTo(listener.address(), Soon());
  ASSERT_EQ(client.error, 0);
  SetUpConnection(client.socket.number());
  const auto option = [&client](int level, int name) {
    int value = 0;
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(client.socket.number(), level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_LT(option(IPPROTO_TCP, TCP_KEEPIDLE) + option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT),
            30);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 25'000);
}

}  // namespace
}  // namespace probegate
