// How a connection takes its client's lines: what each asks for, and whether the server has to be asked.
#include <utility>

#include "gateway/connection.h"
#include "telemetry/trace_context.h"

namespace probegate {

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
    case Step::kAnswer: {
      std::string& reply = ReplyBuffer(line, ReplyStatus::kOk);
      BeginReply(reply, line.request.id, ReplyStatus::kOk);
      if (!call.text.empty()) reply.append(kResultKey).append(call.text);
      EndReply(reply);
      break;
    }
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
  pending_.push_back({
      .id = std::string(line.request.id),
      .line_bytes = line.size,
      .request_id = last_request_id_,
      .write_result = call.write_result,
      .response_case = static_cast<int>(call.request.request_case()),
      .reply = {},
      .record = std::move(line.record),
  });
  pending_line_bytes_ += line.size;
  session_->Send(std::move(call.request));
}

std::string& Connection::ReplyBuffer(Line& line, ReplyStatus status) {
  if (pending_.empty()) {
    record_.End(line.record, 0, OutcomeOf(status));
    return replies_.out();
  }
  Pending& pending = pending_.emplace_back();
  pending.status = status;
  pending.record = std::move(line.record);
  return pending.reply;
}

void Connection::AnswerError(Line& line, ReplyStatus status, std::string_view message) {
  AppendErrorReply(ReplyBuffer(line, status), line.request.id, status, message);
}

}  // namespace probegate
