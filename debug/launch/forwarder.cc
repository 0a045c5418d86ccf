#include "debug/launch/forwarder.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <list>
#include <utility>
#include <vector>

namespace probegate {
namespace {

constexpr size_t kConnections = 16;
constexpr size_t kHeldBytes = size_t{64} << 10;

bool WouldBlock() { return errno == EAGAIN || errno == EINTR; }

// What goes from one socket to another, in one direction.
class Flow {
 public:
  Flow(int from, int to) : from_(from), to_(to), bytes_(kHeldBytes) {}

  // What poll(2) is to wait for.
  bool wants_to_read() const { return !ended_ && begin_ == end_; }
  bool wants_to_write() const { return begin_ != end_; }
  // Everything was forwarded, including the end.
  bool done() const { return ended_ && begin_ == end_; }

  // Both do not block, and return false if the connection is broken.
  bool Read() {
    const ssize_t got = ::recv(from_, bytes_.data(), bytes_.size(), MSG_DONTWAIT);
    if (got < 0) return WouldBlock();
    begin_ = 0;
    end_ = static_cast<size_t>(got);
    if (got > 0) return Write();
    ended_ = true;
    ::shutdown(to_, SHUT_WR);
    return true;
  }
  bool Write() {
    const ssize_t sent = ::send(to_, bytes_.data() + begin_, end_ - begin_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return WouldBlock();
    begin_ += static_cast<size_t>(sent);
    return true;
  }

 private:
  const int from_;
  const int to_;
  std::vector<std::byte> bytes_;
  size_t begin_ = 0;  // of what was read and not yet sent
  size_t end_ = 0;
  bool ended_ = false;
};

void SendAtOnce(const FileDescriptor& socket) {
  const int on = 1;
  ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

class Connection {
 public:
  Connection(FileDescriptor client, FileDescriptor server)
      : client_(std::move(client)),
        server_(std::move(server)),
        to_server_(client_.number(), server_.number()),
        to_client_(server_.number(), client_.number()) {
    SendAtOnce(client_);
    SendAtOnce(server_);
  }

  static short Events(const Flow& in, const Flow& out) {
    return static_cast<short>((in.wants_to_read() ? POLLIN : 0) | (out.wants_to_write() ? POLLOUT : 0));
  }
  pollfd client() const { return Polled(client_, Events(to_server_, to_client_)); }
  pollfd server() const { return Polled(server_, Events(to_client_, to_server_)); }

  // False if the connection has ended.
  bool Handle(short client, short server) {
    const bool fine = Step(client, to_server_, to_client_) && Step(server, to_client_, to_server_);
    return fine && !(to_server_.done() && to_client_.done());
  }

 private:
  // A socket that is waited for in neither direction is left out, or poll(2) would report its end again and again.
  static pollfd Polled(const FileDescriptor& socket, short events) {
    return {.fd = events != 0 ? socket.number() : -1, .events = events, .revents = 0};
  }
  static bool Step(short events, Flow& in, Flow& out) {
    constexpr short kBroken = POLLERR | POLLHUP;
    if ((events & (POLLIN | kBroken)) != 0 && in.wants_to_read() && !in.Read()) return false;
    return (events & (POLLOUT | kBroken)) == 0 || !out.wants_to_write() || out.Write();
  }

  const FileDescriptor client_;
  const FileDescriptor server_;
  Flow to_server_;
  Flow to_client_;
};

// Blocks while the connection is made, which on loopback takes no time.
FileDescriptor ConnectTo(uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FileDescriptor(-1);
  }
  return socket;
}

}  // namespace

void Forward(FileDescriptor listener, uint16_t port) {
  std::list<Connection> connections;
  while (true) {
    std::vector<pollfd> files;
    files.push_back({.fd = connections.size() < kConnections ? listener.number() : -1, .events = POLLIN, .revents = 0});
    for (const Connection& connection : connections) {
      files.push_back(connection.client());
      files.push_back(connection.server());
    }
    ::poll(files.data(), files.size(), -1);
    auto events = files.begin() + 1;
    for (auto connection = connections.begin(); connection != connections.end(); events += 2) {
      const bool lives = connection->Handle(events[0].revents, events[1].revents);
      connection = lives ? std::next(connection) : connections.erase(connection);
    }
    if (files.front().revents == 0) continue;
    FileDescriptor client(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.ok()) continue;
    FileDescriptor server = ConnectTo(port);
    if (server.ok()) connections.emplace_back(std::move(client), std::move(server));
  }
}

}  // namespace probegate
