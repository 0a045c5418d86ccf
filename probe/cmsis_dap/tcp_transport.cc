// POSIX sockets rather than Asio: every call blocks with a bound, and a packet costs one send and one recv.
#include "probe/cmsis_dap/tcp_transport.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>

#include "base/socket.h"
#include "probe/cmsis_dap/tcp_framing.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

// How often a blocking call returns to look at its deadline. A socket option, so that no call to poll is needed.
constexpr timeval kSlice = {.tv_sec = 0, .tv_usec = 100'000};
constexpr std::chrono::seconds kSendBound{5};

// Sets up a connected socket. Every Linux knows these options; if setting one fails, using the socket will fail, too.
void SetUp(int socket) {
  SetUpConnection(socket);
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kSlice, sizeof(kSlice));
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kSlice, sizeof(kSlice));
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) & ~O_NONBLOCK);
}

class TcpTransport : public Transport {
 public:
  TcpTransport(FileDescriptor socket, std::string name)
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
      const ssize_t size = recv(socket_.number(), space.data(), space.size(), 0);
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
    const ssize_t size = recv(socket_.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size == 0) return Gone(DisconnectCause::kLinkClosed, "the connection was closed");
    if (size < 0 && errno != EAGAIN && errno != EINTR) return Gone(errno);
    return absl::OkStatus();
  }

  DisconnectCause cause() const override { return cause_; }

 private:
  absl::Status SendAll(absl::Span<const uint8_t> bytes) {
    TimePoint deadline{};
    while (true) {
      const ssize_t size = send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size >= 0) bytes.remove_prefix(static_cast<size_t>(size));
      if (bytes.empty()) return absl::OkStatus();
      if (size < 0 && errno != EAGAIN && errno != EINTR) return Gone(errno);
      const TimePoint now = std::chrono::steady_clock::now();
      if (deadline == TimePoint{}) deadline = now + kSendBound;
      if (now >= deadline) return Gone(DisconnectCause::kNotAnswering, "it no longer accepts data");
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

  const FileDescriptor socket_;
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
  const Resolution found = Resolve(endpoint);
  if (!found.ok()) return failed(found.why);

  const TimePoint deadline = std::chrono::steady_clock::now() + bound;
  int error = EADDRNOTAVAIL;
  auto left = static_cast<std::ptrdiff_t>(found.addresses.size());
  for (const SocketAddress& address : found.addresses) {
    const TimePoint now = std::chrono::steady_clock::now();
    OpenedSocket opened = ConnectTo(address, now + (deadline - now) / left--);
    error = opened.error;
    if (error != 0) continue;
    SetUp(opened.socket.number());
    return std::make_unique<TcpTransport>(std::move(opened.socket), name);
  }
  return failed(ErrorText(error));
}

}  // namespace probegate::cmsis_dap
