#include "gateway/client/request_handler.h"

#include <utility>

#include "telemetry/trace_context.h"

namespace probegate {

RequestHandler::RequestHandler(std::shared_ptr<const ServedProbe> probe, const Strand& strand,
                               const ConnectionOptions& options, ReplyWriter& replies, ClientRecord& record,
                               std::function<void()> on_replies)
    : probe_(std::move(probe)),
      strand_(strand),
      options_(options),
      replies_(replies),
      record_(record),
      on_replies_(std::move(on_replies)),
      queue_({.requests = options.max_in_flight, .line_bytes = options.max_held_bytes}, replies.out(), record) {}

RequestHandler::~RequestHandler() {
  if (session_) session_->Drop();
}

bool RequestHandler::has_room() const { return queue_.has_room() && !(session_ && session_->is_full()); }

bool RequestHandler::idle() const { return queue_.empty() && !(session_ && session_->awaits_any()); }

RequestHandler::Line RequestHandler::Take(std::string_view text) {
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

void RequestHandler::Handle(std::string_view text) {
  Line line = Take(text);
  if (!line.error.empty()) {
    AnswerError(line, ReplyStatus::kGeneralError, line.error);
    return;
  }
  const auto probe = session_ && session_->probe() ? session_->probe() : probe_->description();
  const CommandContext context{
      .probe = *probe,
      .has_session = session_ != nullptr,
      .offer_memory_interface = options_.offer_memory_interface,
  };
  Call call{.context = context, .write_result = line.command->write_result};
  switch (line.command->prepare(line.request, call)) {
    case Step::kSend:
      SendUpstream(line, call);
      break;
    case Step::kAnswer:
      queue_.AnswerOk(line.request.id, std::move(line.record), call.text);
      break;
    case Step::kRefuse:
      AnswerError(line, ReplyStatus::kGeneralError, call.text);
      break;
  }
}

void RequestHandler::Refuse(std::string_view text, std::string_view reason) {
  Line line = Take(text);
  AnswerError(line, ReplyStatus::kProbeDisconnected, reason);
}

void RequestHandler::RefuseUnread(std::string_view error) {
  record_.BadLine(error);
  Line line;
  line.record = record_.Begin(nullptr, {});
  AnswerError(line, ReplyStatus::kGeneralError, error);
}

void RequestHandler::AnswerError(Line& line, ReplyStatus status, std::string_view message) {
  queue_.AnswerError(line.request.id, std::move(line.record), status, message);
}

void RequestHandler::SendUpstream(Line& line, Call& call) {
  if (!session_) {
    if (!lost_reason_.empty() && !call.request.has_open()) {
      AnswerError(line, ReplyStatus::kProbeDisconnected, lost_reason_);
      return;
    }
    OpenSession(line.traceparent);
  }
  const uint64_t request_id = session_->NextRequestId();
  call.request.set_request_id(request_id);
  if (!line.traceparent.empty()) call.request.set_traceparent(std::move(line.traceparent));
  if (call.may_post && session_->MayPost(call.request)) {
    queue_.AnswerOk(line.request.id, std::move(line.record), {}, request_id);
    session_->Post(std::move(call.request), line.size);
    return;
  }
  queue_.Await({
      .id = line.request.id,
      .line_bytes = line.size,
      .request_id = request_id,
      .write_result = call.write_result,
      .record = std::move(line.record),
  });
  session_->Send(std::move(call.request));
}

void RequestHandler::OpenSession(const std::string& traceparent) {
  lost_reason_.clear();
  session_ = ClientSession::Open({.probe = *probe_, .traceparent = traceparent, .last_request_id = last_request_id_},
                                 strand_, options_, record_, *this);
}

void RequestHandler::OnLost(std::string_view reason) {
  record_.SessionLost(reason);
  last_request_id_ = session_->last_request_id();
  session_.reset();
  lost_reason_ = std::string("session lost: ").append(reason);
  // Posted requests whose replies have not been sent yet may have failed, too, so they are answered with the error.
  queue_.Fail(lost_reason_, ReplyQueue::Posted::kFailed);
}

void RequestHandler::Continue() {
  // A copy of the pointer, because the session may be lost and released during the call.
  if (const auto session = session_) session->Continue();
}

void RequestHandler::NoMoreLines() {
  if (session_) session_->AwaitPosted();
}

void RequestHandler::FailWaiting(std::string_view reason) { queue_.Fail(reason, ReplyQueue::Posted::kSucceeded); }

void RequestHandler::FinishSession() {
  if (session_) session_->Finish();
}

void RequestHandler::Abandon() {
  if (session_) session_->Abandon();
  queue_.Abandon();
}

}  // namespace probegate
