#include "probe/cmsis_dap/channel.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

constexpr size_t kMostUnasked = 16;  // replies that belong to no command, before one is sent

// HID reports are longer than the replies in them.
bool BeginsWith(absl::Span<const uint8_t> bytes, absl::Span<const uint8_t> beginning) {
  return bytes.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), bytes.begin());
}

constexpr char kRefusalUrl[] = "probegate.cmsis_dap.refusal";

absl::Status MarkRefusal(absl::Status status) {
  status.SetPayload(kRefusalUrl, absl::Cord());
  return status;
}

}  // namespace

absl::Status Refused(const std::string& command, const std::string& answer) {
  return MarkRefusal(MakeError(ErrorKind::kProbeError, absl::StrCat("the probe refuses ", command, ": ", answer)));
}

absl::Status Unknown(const std::string& command) {
  return MarkRefusal(MakeError(ErrorKind::kProbeError, absl::StrCat("the probe does not know ", command)));
}

bool IsRefusal(const absl::Status& status) { return status.GetPayload(kRefusalUrl).has_value(); }

Channel::Channel(std::unique_ptr<Transport> transport, std::chrono::milliseconds reply_timeout)
    : transport_(std::move(transport)), reply_timeout_(reply_timeout), buffer_(transport_->max_packet_size()) {}

void Channel::SetObserver(ProbeObserver* observer) {
  observer_ = observer != nullptr ? observer : &nobody_;
  ReportAssumptions();
}

void Channel::Assume(std::string what) {
  const bool known = std::find(assumptions_.begin(), assumptions_.end(), what) != assumptions_.end();
  if (known || assumptions_.size() == kMostAssumptions) return;
  assumptions_.push_back(std::move(what));
  ReportAssumptions();
}

void Channel::ReportAssumptions() {
  if (observer_ == &nobody_) return;
  while (reported_ < assumptions_.size()) observer_->OnAssumption(assumptions_[reported_++]);
}

absl::Status Channel::Fail(absl::Status status) {
  if (!IsError(status, ErrorKind::kProbeDisconnected)) return status;
  return End(std::move(status), transport_->cause());
}

// Handles the outcome of a packet: if the packet was lost but the device is still there, finds the place again.
absl::Status Channel::Check(absl::Status status, Command command) {
  if (status.ok() || IsError(status, ErrorKind::kProbeDisconnected)) return Fail(std::move(status));
  return Recover(std::string(CommandName(command)) + " was lost: " + std::string(status.message()));
}

absl::Status Channel::End(absl::Status status, DisconnectCause cause) {
  if (gone_.ok()) observer_->OnDisconnect(cause);
  gone_ = status;
  return status;
}

absl::Status Channel::CheckPresent() { return gone_.ok() ? Fail(transport_->CheckPresent()) : gone_; }

absl::Status Channel::TakeUnasked() {
  if (!gone_.ok()) return gone_;
  size_t discarded = 0;
  while (true) {
    const auto packet = transport_->TakeUnasked();
    if (IsError(packet.status(), ErrorKind::kProbeDisconnected)) return Fail(packet.status());
    if (!packet.ok()) return Recover(std::string(packet.status().message()));
    if (!packet->has_value()) break;
    const bool copy = !overlapped_ && **packet == absl::MakeConstSpan(last_reply_);
    if ((!copy && !markers_.empty()) || ++discarded > kMostUnasked) {
      return Recover("a reply came that belongs to no command, so an earlier one may have been taken for another's");
    }
  }
  if (discarded > 0) Assume("the probe sends replies that belong to no command; they are discarded");
  return absl::OkStatus();
}

absl::Span<const uint8_t> Channel::Keep(absl::Span<const uint8_t> reply) {
  last_reply_.assign(reply.begin(), reply.end());
  return last_reply_;
}

absl::Status Channel::SendRequest(absl::Span<const uint8_t> request, size_t transfers) {
  if (!gone_.ok()) return gone_;
  if (pending_.empty()) {
    if (absl::Status status = TakeUnasked(); !status.ok()) return status;
    overlapped_ = false;
  }
  pending_.push_back({static_cast<Command>(request[0]), transfers, request.size()});
  overlapped_ = overlapped_ || pending_.size() > 1;
  return Check(transport_->Send(request), pending_.back().command);
}

absl::StatusOr<absl::Span<const uint8_t>> Channel::ReceiveReply(std::chrono::microseconds busy) {
  if (!gone_.ok()) return gone_;
  const Pending request = pending_.front();
  auto reply = transport_->Receive(std::chrono::steady_clock::now() + reply_timeout_ + busy);
  if (!reply.ok()) return Check(reply.status(), request.command);
  if (!reply->has_value()) return Recover(std::string("no reply to ") + CommandName(request.command));

  const absl::Span<const uint8_t> bytes = **reply;
  if (!Answers(bytes, request.command)) {
    if (!IsUnknownCommand(bytes)) {
      return Recover(std::string(CommandName(request.command)) + " was answered with the reply to another command");
    }
    // The replies to the commands that are in flight with this one would still have to be taken.
    if (pending_.size() > 1) return Recover(std::string("the probe does not know ") + CommandName(request.command));
  }
  pending_.erase(pending_.begin());
  observer_->OnPacket(request.transfers, request.bytes, bytes.size());
  return Keep(bytes);
}

absl::Status Channel::Nonsense(Command command) {
  return Recover(std::string("the reply to ") + CommandName(command) + " is invalid");
}

absl::Status Channel::Recover(const std::string& why) {
  if (markers_.empty()) return MakeError(ErrorKind::kProbeError, why);
  const bool transferring =
      std::any_of(pending_.begin(), pending_.end(), [](const Pending& p) { return p.transfers > 0; });
  pending_.clear();
  for (int attempt = 0; attempt <= transport_->restores(); ++attempt) {
    observer_->OnRetry();
    const absl::StatusOr<bool> found = TryMarker(attempt, transferring);
    if (IsError(found.status(), ErrorKind::kProbeDisconnected)) return Fail(found.status());
    if (found.value_or(false)) return MakeError(ErrorKind::kProbeError, why);
  }
  return End(MakeError(ErrorKind::kProbeDisconnected, "the probe has stopped answering: " + why),
             DisconnectCause::kNotAnswering);
}

absl::StatusOr<bool> Channel::TryMarker(int attempt, bool abort) {
  if (attempt > 0) {
    const absl::StatusOr<bool> reset = transport_->Restore(attempt);
    if (!reset.ok()) return reset.status();
    was_reset_ = was_reset_ || *reset;
  }
  return FindMarker(markers_[static_cast<size_t>(attempt) % markers_.size()], abort && attempt == 0);
}

absl::Status Channel::StartTrace() { return gone_.ok() ? Fail(transport_->trace()->Start()) : gone_; }

absl::StatusOr<bool> Channel::TakeTrace(std::vector<uint8_t>& bytes, size_t most) {
  if (!gone_.ok()) return gone_;
  auto more = transport_->trace()->Take(bytes, most);
  if (!more.ok()) return Fail(more.status());
  return more;
}

// `abort`: a transfer may still be in progress, and is aborted if the device stays silent. Not earlier, because a
// device that can hold only one packet would lose the question after the abort.
absl::StatusOr<bool> Channel::FindMarker(const Marker& marker, bool abort) {
  if (absl::Status sent = transport_->Send(Encoded(marker.question)); !sent.ok()) return sent;
  const TimePoint now = std::chrono::steady_clock::now();
  absl::StatusOr<bool> found = AwaitReply(marker.reply, now + (abort ? reply_timeout_ / 4 : reply_timeout_));
  if (!abort || !found.ok() || *found) return found;
  if (absl::Status sent = transport_->Send(Encoded(TransferAbort{})); !sent.ok()) return sent;
  return AwaitReply(marker.reply, now + reply_timeout_);
}

absl::StatusOr<bool> Channel::AwaitReply(absl::Span<const uint8_t> wanted, TimePoint deadline) {
  do {
    const auto reply = transport_->Receive(deadline);
    if (!reply.ok()) return reply.status();
    if (reply->has_value() && BeginsWith(Keep(**reply), wanted)) return true;
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

}  // namespace probegate::cmsis_dap
