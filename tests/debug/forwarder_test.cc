#include "debug/launch/forwarder.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace probegate {
namespace {

struct Listener {
  FileDescriptor socket{-1};
  uint16_t port = 0;
};

Listener Listen(int flags) {
  Listener listener{.socket = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0))};
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ::bind(listener.socket.number(), reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener.socket.number(), SOMAXCONN);
  ::getsockname(listener.socket.number(), reinterpret_cast<sockaddr*>(&address), &size);
  listener.port = ntohs(address.sin_port);
  return listener;
}

// Every wait in these tests ends after this time.
void Bound(const FileDescriptor& socket) {
  const timeval bound{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
}

FileDescriptor Connect(uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Bound(socket);
  const sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  EXPECT_EQ(::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

bool SendAll(const FileDescriptor& socket, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t more = ::send(socket.number(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += static_cast<size_t>(more);
  }
  return true;
}

std::string ReceiveToEnd(const FileDescriptor& socket) {
  std::string all;
  char bytes[4096];
  while (true) {
    const ssize_t got = ::recv(socket.number(), bytes, sizeof bytes, 0);
    if (got <= 0) return got == 0 ? all : all + " and then an error";
    all.append(bytes, static_cast<size_t>(got));
  }
}

// Forwards to `server` in a process of its own.
class ForwarderTest : public testing::Test {
 protected:
  ForwarderTest() {
    Bound(server.socket);
    Listener entry = Listen(SOCK_NONBLOCK);
    port = entry.port;
    process_ = ::fork();
    if (process_ == 0) {
      ::close(server.socket.Release());
      Forward(std::move(entry.socket), server.port);
    }
  }
  ~ForwarderTest() override {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  FileDescriptor Accept() const {
    FileDescriptor socket(::accept4(server.socket.number(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(socket.ok());
    Bound(socket);
    return socket;
  }

  Listener server = Listen(0);
  uint16_t port = 0;

 private:
  pid_t process_ = -1;
};

TEST_F(ForwarderTest, ForwardsBothWaysAndEachEnd) {
  const FileDescriptor client = Connect(port);
  const FileDescriptor accepted = Accept();
  // More than the forwarder and the sockets hold, so that it has to wait for the reader.
  const std::string request(size_t{8} << 20, 'q');
  const std::string reply(size_t{8} << 20, 'r');
  std::string received;
  std::thread reader([&] { received = ReceiveToEnd(accepted); });
  EXPECT_TRUE(SendAll(client, request));
  ::shutdown(client.number(), SHUT_WR);
  reader.join();
  EXPECT_EQ(received, request);
  // The other direction is still open.
  std::thread writer([&] {
    EXPECT_TRUE(SendAll(accepted, reply));
    ::shutdown(accepted.number(), SHUT_WR);
  });
  EXPECT_EQ(ReceiveToEnd(client), reply);
  writer.join();
}

TEST_F(ForwarderTest, GivesPlacesBackAndLetsOthersWait) {
  // One after the other, more than it forwards at a time.
  for (int number = 0; number < 40; ++number) {
    FileDescriptor client = Connect(port);
    const FileDescriptor accepted = Accept();
    ::close(client.Release());
    EXPECT_EQ(ReceiveToEnd(accepted), "");
  }
  // At the same time: the last one gets its turn when another ends.
  std::vector<FileDescriptor> clients;
  std::vector<FileDescriptor> accepted;
  for (int number = 0; number < 16; ++number) {
    clients.push_back(Connect(port));
    accepted.push_back(Accept());
  }
  const FileDescriptor last = Connect(port);
  EXPECT_TRUE(SendAll(last, "x"));
  ::shutdown(last.number(), SHUT_WR);
  clients.clear();
  accepted.clear();
  EXPECT_EQ(ReceiveToEnd(Accept()), "x");
}

TEST_F(ForwarderTest, EndsTheConnectionIfTheServerIsGone) {
  ::close(server.socket.Release());
  const FileDescriptor client = Connect(port);
  char byte = 0;
  EXPECT_EQ(::recv(client.number(), &byte, 1, 0), 0);
}

}  // namespace
}  // namespace probegate
