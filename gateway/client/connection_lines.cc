// How a connection takes its client's lines: what each asks for, and whether the server has to be asked.
#include <algorithm>
#include <chrono>
#include <utility>

#include "gateway/client/connection.h"
#include "telemetry/trace_context.h"

namespace probegate {
namespace {

// How long what is posted waits for a request to go along with: pyOCD takes some 0.4 ms for an access, and has a few
// behind each other before it waits. `pyocd flash` was a tenth slower with 0.5 ms.
constexpr std::chrono::microseconds kHoldTime{2000};
// An unlock that others may wait for: until pyOCD is back with the next lock and what it is for.
constexpr std::chrono::microseconds kBriefHold{500};

}  // namespace

Connection::Line Connection::BadLine(std::string_view error) {
  record_.BadLine(error);
  Line line;
  line.error = error;
  line.record = record_.Begin(nullptr, {});
  return line;
}

Connection::Line Connection::TakeLine(std::string_view text) {
  Line line;
  line.size = text.size();
  line.error = ParseRequest(text, line.request);
  if (!line.error.empty()) {
    record_.BadLine(line.error);
  } else {
    line.command = FindCommand(line.request, line.error);
  }
  std::string trace_id;
  if (line.request.traceparent.is_string()) {
    std::string traceparent = DecodeJsonString(line.request.traceparent);
    trace_id = TraceIdOf(traceparent);
    if (!trace_id.empty()) line.traceparent = std::move(traceparent);
  }
  line.record = record_.Begin(line.command, trace_id);
  return line;
}

void Connection::HandleLine(std::string_view text) {
  Line line = TakeLine(text);
  if (!line.error.empty()) {
    AnswerError(line, ReplyStatus::kGeneralError, line.error);
    return;
  }
  const auto probe = session_probe_ ? session_probe_ : probe_->description();
  const CommandContext context{
      .probe = *probe,
      .has_session = session_state_ == SessionState::kLive,
      .offer_memory_interface = options_.offer_memory_interface,
  };
  Call call{.context = context, .write_result = line.command->write_result};
  switch (line.command->prepare(line.request, call)) {
    case Step::kSend:
      SendUpstream(line, call);
      break;
    case Step::kAnswer:
      AnswerOk(line, call.text);
      break;
    case Step::kRefuse:
      AnswerError(line, ReplyStatus::kGeneralError, call.text);
      break;
  }
}

void Connection::SendUpstream(Line& line, Call& call) {
  const bool opens = call.request.has_open();
  if (session_state_ == SessionState::kLost && !opens) {
    AnswerError(line, ReplyStatus::kProbeDisconnected, lost_reason_);
    return;
  }
  if (session_state_ != SessionState::kLive) OpenSession(line.traceparent);
  call.request.set_request_id(++last_request_id_);
  if (!line.traceparent.empty()) call.request.set_traceparent(std::move(line.traceparent));
  if (call.may_post && session_opened_ && posting_.Admits(call.request)) {
    Post(line, call);
    return;
  }
  pending_line_bytes_ += line.size;
  Await(call.request, {
                          .id = std::string(line.request.id),
                          .line_bytes = line.size,
                          .write_result = call.write_result,
                          .reply = {},
                          .record = std::move(line.record),
                      });
}

void Connection::Await(v1::StreamRequest& request, Pending pending) {
  pending.request_id = request.request_id();
  pending.response_case = static_cast<int>(request.request_case());
  pending.sent = posting_.TakeAlong(request);
  pending_.push_back(std::move(pending));
  session_->Send(std::move(request));
}

void Connection::Post(Line& line, Call& call) {
  const bool first = !posting_.holds_any();
  const Posting::Hold hold = posting_.Post(std::move(call.request), line.size);
  AnswerOk(line, {}, last_request_id_);
  if (posting_.wants_answer()) {
    AskForAnswer();
  } else if (hold == Posting::Hold::kNo) {
    SendPosted();
  } else if (hold == Posting::Hold::kBriefly) {
    HoldFor(kBriefHold, &Connection::SendUnlock);
  } else if (first) {
    HoldFor(kHoldTime, &Connection::SendPosted);
  }
}

void Connection::HoldFor(std::chrono::microseconds time, void (Connection::*then)()) {
  hold_.expires_after(time);
  hold_.async_wait([self = shared_from_this(), then](asio::error_code error) {
    if (!error) (*self.*then)();
  });
}

void Connection::SendUnlock() {
  v1::StreamRequest unlock = posting_.TakeUnlock();
  if (session_ && unlock.posted_size() > 0) session_->Send(std::move(unlock));
  HoldFor(kHoldTime - kBriefHold, &Connection::SendPosted);
}

void Connection::SendPosted() {
  if (!session_) return;
  if (posting_.holds_any()) session_->Send(posting_.TakeHeld());
  if (pending_.empty()) session_->Listen();
}

void Connection::ListenLater() {
  // What is held has its time already.
  if (session_ && pending_.empty() && !posting_.holds_any()) HoldFor(kHoldTime, &Connection::SendPosted);
}

void Connection::AskForAnswer() {
  // It waits for nothing but its turn, and takes no failure.
  v1::StreamRequest request;
  request.mutable_get_state();
  SendOwn(std::move(request));
}

void Connection::AwaitPosted() {
  if (session_state_ != SessionState::kLive || posting_.writes_outstanding() == 0) return;
  v1::StreamRequest request;
  request.mutable_flush();
  SendOwn(std::move(request));
}

void Connection::SendOwn(v1::StreamRequest request) {
  request.set_request_id(++last_request_id_);
  Await(request, {.own = true, .id = {}, .reply = {}, .record = {}});
}

std::string& Connection::ReplyBuffer(Line& line, ReplyStatus status, uint64_t request_id) {
  if (std::all_of(pending_.begin(), pending_.end(), [](const Pending& before) { return before.own; })) {
    record_.End(line.record, request_id, OutcomeOf(status));
    return replies_.out();
  }
  Pending& pending = pending_.emplace_back();
  pending.id = line.request.id;
  pending.request_id = request_id;
  pending.ready = true;
  pending.status = status;
  pending.record = std::move(line.record);
  return pending.reply;
}

void Connection::AnswerOk(Line& line, std::string_view result, uint64_t request_id) {
  std::string& reply = ReplyBuffer(line, ReplyStatus::kOk, request_id);
  BeginReply(reply, line.request.id, ReplyStatus::kOk);
  if (!result.empty()) reply.append(kResultKey).append(result);
  EndReply(reply);
}

void Connection::AnswerError(Line& line, ReplyStatus status, std::string_view message) {
  AppendErrorReply(ReplyBuffer(line, status), line.request.id, status, message);
}

}  // namespace probegate
