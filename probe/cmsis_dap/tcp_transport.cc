// POSIX sockets rather than Asio: every call blocks with a bound, and a packet costs one send and one recv.
#include "probe/cmsis_dap/tcp_transport.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "probe/cmsis_dap/tcp_framing.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

// How often a blocking call returns to look at its deadline. A socket option, so that no call to poll is needed.
constexpr timeval kSlice = {.tv_sec = 0, .tv_usec = 100'000};
constexpr std::chrono::seconds kSendBound{5};

std::string ErrorText(int error) { return std::generic_category().message(error); }

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

struct OptionRow {
  int level;
  int name;
  int value;
};
constexpr std::array<OptionRow, 6> kOptions = {{
    {IPPROTO_TCP, TCP_NODELAY, 1},
    {SOL_SOCKET, SO_KEEPALIVE, 1},
    {IPPROTO_TCP, TCP_KEEPIDLE, 10},
    {IPPROTO_TCP, TCP_KEEPINTVL, 5},
    {IPPROTO_TCP, TCP_KEEPCNT, 3},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 25'000},
}};

// Sets up a connected socket. Each of these options is known to every Linux, so a failure shows on use.
void SetUp(int fd) {
  for (const OptionRow& row : kOptions) setsockopt(fd, row.level, row.name, &row.value, sizeof(row.value));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kSlice, sizeof(kSlice));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kSlice, sizeof(kSlice));
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

// 0, or an errno.
int ConnectUntil(int fd, const addrinfo& address, TimePoint deadline) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready == 0) return ETIMEDOUT;
    if (ready > 0) break;
    if (errno != EINTR) return errno;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

std::ptrdiff_t CountAddresses(const addrinfo& first) {
  std::ptrdiff_t count = 0;
  for (const addrinfo* address = &first; address != nullptr; address = address->ai_next) ++count;
  return count;
}

class TcpTransport : public Transport {
 public:
  TcpTransport(Socket socket, std::string name)
      : socket_(std::move(socket)), name_(std::move(name)), decoder_(TcpPacketType::kResponse) {}

  size_t max_packet_size() const override { return kTcpMaxPacket; }

  absl::Status Send(absl::Span<const uint8_t> packet) override {
    if (!gone_.ok()) return gone_;
    const auto header = EncodeTcpHeader(TcpPacketType::kRequest, packet.size());
    std::copy(header.begin(), header.end(), out_.begin());
    std::copy(packet.begin(), packet.end(), out_.begin() + kTcpHeaderSize);
    return SendAll(absl::MakeConstSpan(out_).first(kTcpHeaderSize + packet.size()));
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(TimePoint deadline) override {
    while (gone_.ok()) {
      auto packet = decoder_.Next();
      if (!packet.ok()) return Gone(DisconnectCause::kGarbled, std::string(packet.status().message()));
      if (packet->has_value()) return packet;
      const absl::Span<uint8_t> space = decoder_.FreeSpace();
      const ssize_t size = recv(socket_.fd(), space.data(), space.size(), 0);
      if (size > 0) {
        decoder_.Commit(static_cast<size_t>(size));
      } else if (size == 0) {
        return Gone(DisconnectCause::kLinkClosed, "the connection was closed");
      } else if (errno != EAGAIN && errno != EINTR) {
        return Gone(errno);
      } else if (std::chrono::steady_clock::now() >= deadline) {
        return std::nullopt;
      }
    }
    return gone_;
  }

  absl::Status CheckPresent() override {
    if (!gone_.ok()) return gone_;
    uint8_t byte = 0;
    const ssize_t size = recv(socket_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size == 0) return Gone(DisconnectCause::kLinkClosed, "the connection was closed");
    if (size < 0 && errno != EAGAIN && errno != EINTR) return Gone(errno);
    return absl::OkStatus();
  }

  DisconnectCause cause() const override { return cause_; }

 private:
  absl::Status SendAll(absl::Span<const uint8_t> bytes) {
    TimePoint deadline{};
    while (true) {
      const ssize_t size = send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size >= 0) bytes.remove_prefix(static_cast<size_t>(size));
      if (bytes.empty()) return absl::OkStatus();
      if (size < 0 && errno != EAGAIN && errno != EINTR) return Gone(errno);
      const TimePoint now = std::chrono::steady_clock::now();
      if (deadline == TimePoint{}) deadline = now + kSendBound;
      if (now >= deadline) return Gone(DisconnectCause::kNotAnswering, "it takes no more data");
    }
  }

  absl::Status Gone(DisconnectCause cause, const std::string& why) {
    cause_ = cause;
    gone_ = MakeError(ErrorKind::kProbeDisconnected, "lost the probe at " + name_ + ": " + why);
    return gone_;
  }
  absl::Status Gone(int error) {
    const bool closed = error == ECONNRESET || error == EPIPE;
    return Gone(closed ? DisconnectCause::kLinkClosed : DisconnectCause::kLinkError, ErrorText(error));
  }

  const Socket socket_;
  const std::string name_;
  TcpPacketDecoder decoder_;
  std::array<uint8_t, kTcpHeaderSize + kTcpMaxPacket> out_;
  absl::Status gone_;
  DisconnectCause cause_ = DisconnectCause::kLinkError;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> ConnectTcp(const Endpoint& endpoint, std::chrono::milliseconds bound) {
  const std::string name = endpoint.ToString();
  const auto failed = [&name](const std::string& why) {
    return MakeError(ErrorKind::kProbeDisconnected, "cannot reach a probe at " + name + ": " + why);
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found)) {
    return failed(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);

  const TimePoint deadline = std::chrono::steady_clock::now() + bound;
  int error = EADDRNOTAVAIL;
  std::ptrdiff_t left = CountAddresses(*addresses);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next, --left) {
    Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.fd() < 0) {
      error = errno;
      continue;
    }
    const TimePoint now = std::chrono::steady_clock::now();
    error = ConnectUntil(socket.fd(), *address, now + (deadline - now) / left);
    if (error != 0) continue;
    SetUp(socket.fd());
    return std::make_unique<TcpTransport>(std::move(socket), name);
  }
  return failed(ErrorText(error));
}

}  // namespace probegate::cmsis_dap
