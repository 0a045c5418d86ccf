// A connection's session upstream: how it is opened, what it answers, and how it is lost.
#include <utility>

#include "gateway/client/connection.h"
#include "gateway/protocol/error_status.h"

namespace probegate {

void Connection::OpenSession(const std::string& traceparent) {
  v1::OpenSessionRequest request;
  request.set_probe(probe_->unique_id());
  // The protocol's hello names no program.
  request.mutable_client()->set_name("remote-probe client");
  request.mutable_client()->set_peer_address(record_.peer());
  record_.SessionAskedFor();
  inbox_ = std::make_shared<SessionInbox>(weak_from_this(), socket_.get_executor(), options_.max_held_bytes);
  session_state_ = SessionState::kLive;
  session_opened_ = false;
  session_ = probe_->upstream()->OpenSession(std::move(request), traceparent, inbox_->handler());
}

void Connection::TakeFromInbox(const std::shared_ptr<SessionInbox>& inbox) {
  if (closed_ || inbox != inbox_) return;
  inbox_waits_ = replies_.UnsentBytes() >= options_.max_held_bytes;
  if (inbox_waits_) return;
  SessionInbox::Content content = inbox->Take();
  upstream_paused_ = upstream_paused_ || content.paused;
  for (v1::StreamResponse& response : content.responses) {
    HandleResponse(response);
    // It may have been the end of the session.
    if (inbox != inbox_) break;
  }
  if (content.end && inbox == inbox_) LoseSession(*content.end);
  if (ending_ && pending_.empty()) DropSession();
  Flush();
  ListenLater();
  if (!closed_) OnProgress();
}

void Connection::HandleResponse(v1::StreamResponse& response) {
  if (!session_opened_) {
    if (response.has_open_session()) {
      session_opened_ = true;
      record_.SessionOpened(response.open_session().session_id());
      session_probe_ =
          std::make_shared<const v1::ProbeDescription>(std::move(*response.mutable_open_session()->mutable_probe()));
    } else {
      LoseSession(response.has_error() ? response.error().message() : "the server did not open the session");
    }
    return;
  }
  // The answer to a request that has been failed meanwhile.
  if (ending_ && !pending_.empty() && response.request_id() < pending_.front().request_id) return;
  const bool expected =
      !pending_.empty() && pending_.front().request_id == response.request_id() &&
      (response.has_error() || pending_.front().response_case == static_cast<int>(response.response_case()));
  if (!expected) {
    LoseSession("the server answered something that was not asked");
    return;
  }
  Answer(pending_.front(), response);
  pending_.pop_front();
  MoveReadyReplies();
  // The probe takes the session with it.
  if (response.has_error() && response.error().kind() == v1::ERROR_KIND_PROBE_DISCONNECTED) {
    LoseSession(response.error().message());
  }
}

void Connection::Answer(Pending& pending, const v1::StreamResponse& response) {
  posting_.NoteAnswer(response, pending.sent);
  pending_line_bytes_ -= pending.line_bytes;
  if (pending.own) {
    if (response.has_error()) record_.PostedInVain(response.error().message());
    return;
  }
  const ReplyStatus status = WriteResponse(pending, response);
  record_.End(pending.record, pending.request_id, OutcomeOf(status));
}

ReplyStatus Connection::WriteResponse(const Pending& pending, const v1::StreamResponse& response) {
  if (response.has_error()) {
    const v1::ErrorDetail& error = response.error();
    const ReplyStatus status = StatusOfError(error.kind());
    const std::string_view not_found = pending.record.command->not_found_message;
    const bool stock_words = error.kind() == v1::ERROR_KIND_NOT_FOUND && !not_found.empty();
    AppendErrorReply(replies_.out(), pending.id, status, stock_words ? not_found : std::string_view(error.message()));
    return status;
  }
  std::string& out = replies_.out();
  BeginReply(out, pending.id, ReplyStatus::kOk);
  if (pending.write_result != nullptr) {
    const size_t before = out.size();
    out += kResultKey;
    if (!pending.write_result(response, out)) out.resize(before);
  }
  EndReply(out);
  return ReplyStatus::kOk;
}

void Connection::LoseSession(std::string reason) {
  record_.SessionLost(reason);
  lost_reason_ = "session lost: " + reason;
  DropSession();
  session_state_ = SessionState::kLost;
  FailPending(lost_reason_);
}

void Connection::DropSession() {
  session_.reset();
  posting_ = Posting(options_.post);
  inbox_.reset();
  session_probe_.reset();
  session_state_ = SessionState::kNone;
  inbox_waits_ = false;
  upstream_paused_ = false;
}

}  // namespace probegate
