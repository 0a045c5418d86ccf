#include "probe/cmsis_dap/channel.h"

#include <algorithm>
#include <utility>

#include "probe/error.h"

namespace probegate::cmsis_dap {

Channel::Channel(std::unique_ptr<Transport> transport, std::chrono::milliseconds reply_timeout)
    : transport_(std::move(transport)), reply_timeout_(reply_timeout), buffer_(transport_->max_packet_size()) {}

absl::Status Channel::Fail(absl::Status status) {
  if (!IsError(status, ErrorKind::kProbeDisconnected)) return status;
  return End(std::move(status), transport_->cause());
}

absl::Status Channel::End(absl::Status status, DisconnectCause cause) {
  if (gone_.ok()) observer_->OnDisconnect(cause);
  gone_ = status;
  return status;
}

absl::Status Channel::CheckPresent() { return gone_.ok() ? Fail(transport_->CheckPresent()) : gone_; }

absl::Status Channel::Send(absl::Span<const uint8_t> request, size_t transfers) {
  if (!gone_.ok()) return gone_;
  if (absl::Status sent = transport_->Send(request); !sent.ok()) return Fail(std::move(sent));
  pending_.push_back({static_cast<Command>(request[0]), transfers, request.size()});
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<const uint8_t>> Channel::Receive(std::chrono::microseconds busy) {
  if (!gone_.ok()) return gone_;
  const Pending request = pending_.front();
  auto reply = transport_->Receive(std::chrono::steady_clock::now() + reply_timeout_ + busy);
  if (!reply.ok()) return Fail(reply.status());
  if (!reply->has_value()) return Recover(std::string("no reply to ") + CommandName(request.command));

  const absl::Span<const uint8_t> bytes = **reply;
  if (!Answers(bytes, request.command)) {
    const std::string instead =
        IsUnknownCommand(bytes) ? " is refused" : " is answered by the reply to another command";
    return Recover(CommandName(request.command) + instead);
  }
  pending_.erase(pending_.begin());
  observer_->OnPacket(request.transfers, request.bytes, bytes.size());
  return bytes;
}

absl::StatusOr<absl::Span<const uint8_t>> Channel::Exchange(absl::Span<const uint8_t> request, size_t transfers,
                                                            std::chrono::microseconds busy) {
  if (absl::Status sent = Send(request, transfers); !sent.ok()) return sent;
  return Receive(busy);
}

absl::Status Channel::CheckStatus(const absl::StatusOr<absl::Span<const uint8_t>>& reply) {
  if (!reply.ok()) return reply.status();
  const auto command = static_cast<Command>((*reply)[0]);
  const std::optional<bool> done = DecodeStatus(*reply);
  if (!done) return Nonsense(command);
  if (!*done) return MakeError(ErrorKind::kProbeError, std::string("the probe refuses ") + CommandName(command));
  return absl::OkStatus();
}

absl::Status Channel::Nonsense(Command command) {
  return Recover(std::string("the reply to ") + CommandName(command) + " makes no sense");
}

absl::Status Channel::Recover(const std::string& why) {
  if (markers_.empty()) return MakeError(ErrorKind::kProbeError, why);
  const bool transferring =
      std::any_of(pending_.begin(), pending_.end(), [](const Pending& p) { return p.transfers > 0; });
  pending_.clear();
  if (transferring) {
    const size_t size = Encode(TransferAbort{}, absl::MakeSpan(buffer_));
    if (absl::Status sent = transport_->Send(absl::MakeConstSpan(buffer_).first(size)); !sent.ok()) {
      return Fail(std::move(sent));
    }
  }
  for (const Marker& marker : markers_) {
    observer_->OnRetry();
    const absl::StatusOr<bool> found = FindMarker(marker);
    if (!found.ok()) return Fail(found.status());
    if (*found) return MakeError(ErrorKind::kProbeError, why);
  }
  return End(MakeError(ErrorKind::kProbeDisconnected, "the probe has stopped answering: " + why),
             DisconnectCause::kNotAnswering);
}

absl::StatusOr<bool> Channel::FindMarker(const Marker& marker) {
  const size_t size = Encode(Info{marker.id}, absl::MakeSpan(buffer_));
  if (absl::Status sent = transport_->Send(absl::MakeConstSpan(buffer_).first(size)); !sent.ok()) return sent;
  const TimePoint deadline = std::chrono::steady_clock::now() + reply_timeout_;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto reply = transport_->Receive(deadline);
    if (!reply.ok()) return reply.status();
    if (reply->has_value() && **reply == absl::MakeConstSpan(marker.reply)) return true;
  }
  return false;
}

}  // namespace probegate::cmsis_dap
