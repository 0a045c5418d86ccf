// POSIX sockets rather than Asio: every call blocks with a bound, and a packet costs one send and one recv.
#include "probe/cmsis_dap/tcp_transport.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "base/socket.h"
#include "probe/cmsis_dap/tcp_framing.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

// How often a blocking call returns to look at its deadline. A socket option, so that no call to poll is needed.
constexpr timeval kSlice = {.tv_sec = 0, .tv_usec = 100'000};
constexpr std::chrono::seconds kSendBound{2};
constexpr std::chrono::milliseconds kReconnectBound{1000};

// Sets up a connected socket. Every Linux knows these options; if setting one fails, using the socket will fail, too.
void SetUp(int socket) {
  SetUpConnection(socket);
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kSlice, sizeof(kSlice));
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kSlice, sizeof(kSlice));
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) & ~O_NONBLOCK);
}

class TcpTransport : public Transport {
 public:
  TcpTransport(FileDescriptor socket, const SocketAddress& address, std::string name)
      : address_(address), name_(std::move(name)), decoder_(TcpPacketType::kResponse) {
    socket_.emplace(std::move(socket));
  }

  size_t max_packet_size() const override { return kTcpMaxPacket; }

  absl::Status Send(absl::Span<const uint8_t> packet) override {
    if (absl::Status status = Usable(); !status.ok()) return status;
    const auto header = EncodeTcpHeader(TcpPacketType::kRequest, packet.size());
    std::copy(header.begin(), header.end(), out_.begin());
    std::copy(packet.begin(), packet.end(), out_.begin() + kTcpHeaderSize);
    return SendAll(absl::MakeConstSpan(out_).first(kTcpHeaderSize + packet.size()));
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(TimePoint deadline) override {
    while (true) {
      auto packet = Next();
      if (!packet.ok() || packet->has_value()) return packet;
      const absl::StatusOr<bool> more = ReadMore(0);
      if (!more.ok()) return more.status();
      // Also if something has come: a probe that sends a packet byte by byte could keep this from ever ending.
      if (std::chrono::steady_clock::now() < deadline) continue;
      return *more ? Next() : packet;
    }
  }

  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeUnasked() override {
    auto packet = Next();
    if (!packet.ok() || packet->has_value()) return packet;
    const absl::StatusOr<bool> more = ReadMore(MSG_DONTWAIT);
    if (!more.ok()) return more.status();
    return *more ? Next() : packet;
  }

  absl::Status CheckPresent() override {
    if (!gone_.ok()) return gone_;
    uint8_t byte = 0;
    const ssize_t size = recv(socket_->number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size == 0) return Gone(DisconnectCause::kLinkClosed, "the connection was closed");
    if (size < 0 && errno != EAGAIN && errno != EINTR) return Gone(errno);
    return absl::OkStatus();
  }

  // Connects again, to the address that was connected before. The old connection is closed first, because a probe may
  // accept only one.
  absl::StatusOr<bool> Restore(int /*attempt*/) override {
    if (!gone_.ok()) return gone_;
    socket_.reset();
    OpenedSocket opened = ConnectTo(address_, std::chrono::steady_clock::now() + kReconnectBound);
    if (opened.error != 0) {
      return Gone(DisconnectCause::kNotAnswering,
                  "it stopped answering, and cannot be connected again: " + ErrorText(opened.error));
    }
    SetUp(opened.socket.number());
    socket_.emplace(std::move(opened.socket));
    decoder_.Clear();
    garbled_ = absl::OkStatus();
    proven_ = false;
    return true;
  }

  // A second new connection would not help more than the first.
  int restores() const override { return 1; }

  DisconnectCause cause() const override { return cause_; }

 private:
  absl::Status Usable() const { return gone_.ok() ? garbled_ : gone_; }

  // The next packet in what has arrived. After bytes that are not a packet, only a new connection helps; if a
  // connection begins with such bytes, not even that.
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Next() {
    if (absl::Status status = Usable(); !status.ok()) return status;
    auto packet = decoder_.Next();
    if (packet.ok()) {
      proven_ = proven_ || packet->has_value();
      return packet;
    }
    if (!proven_) return Gone(DisconnectCause::kGarbled, std::string(packet.status().message()));
    garbled_ = packet.status();
    return garbled_;
  }

  // Takes what has arrived, with the flags of recv(2). Returns false if that is nothing.
  absl::StatusOr<bool> ReadMore(int flags) {
    const absl::Span<uint8_t> space = decoder_.FreeSpace();
    const ssize_t size = recv(socket_->number(), space.data(), space.size(), flags);
    if (size == 0) return Gone(DisconnectCause::kLinkClosed, "the connection was closed");
    if (size < 0 && errno != EAGAIN && errno != EINTR) return Gone(errno);
    if (size > 0) decoder_.Commit(static_cast<size_t>(size));
    return size > 0;
  }

  absl::Status SendAll(absl::Span<const uint8_t> bytes) {
    TimePoint deadline{};
    while (true) {
      const ssize_t size = send(socket_->number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
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

  std::optional<FileDescriptor> socket_;  // none only after it could not be connected again
  const SocketAddress address_;
  const std::string name_;
  TcpPacketDecoder decoder_;
  std::array<uint8_t, kTcpHeaderSize + kTcpMaxPacket> out_;
  bool proven_ = false;   // a packet has arrived on this connection
  absl::Status garbled_;  // what has arrived is not a packet
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
    return std::make_unique<TcpTransport>(std::move(opened.socket), address, name);
  }
  return failed(ErrorText(error));
}

}  // namespace probegate::cmsis_dap
