#include "gateway/client/request_handler.h"

#include <utility>

#include "gateway/client/request_cost.h"
#include "telemetry/trace_context.h"

namespace probegate {
namespace {

// In JSON: six times the 55 characters of the current version (W3C Trace Context, §3.2), and some more.
constexpr size_t kMaxTraceparent = 512;

constexpr std::string_view kTooMuchMemory =
    "the request and its reply need more memory than one client may use; ask for less at a time, or run the gateway "
    "with a larger --max-memory-in-flight";

}  // namespace

RequestHandler::RequestHandler(std::shared_ptr<const ServedProbe> probe, const Strand& strand,
                               const ConnectionOptions& options, ReplyWriter& replies, ClientRecord& record,
                               Client& client)
    : probe_(std::move(probe)),
      strand_(strand),
      options_(options),
      replies_(replies),
      record_(record),
      client_(client),
      queue_({.requests = options.max_in_flight, .bytes = options.max_held_bytes}, replies.out(), record) {}

RequestHandler::~RequestHandler() {
  if (session_) session_->Drop();
}

bool RequestHandler::has_room() const { return queue_.has_room() && !(session_ && session_->is_full()); }

uint64_t RequestHandler::held_bytes() const { return queue_.held_bytes() + (session_ ? session_->held_bytes() : 0); }

bool RequestHandler::idle() const { return queue_.empty() && !(session_ && session_->awaits_any()); }

RequestHandler::Line RequestHandler::Parse(std::string_view text) {
  Line line;
  line.size = text.size();
  line.error = ParseRequest(text, line.request);
  line.is_request = line.error.empty();
  if (line.is_request) line.command = FindCommand(line.request, line.error);
  // None that is in use is longer.
  if (line.request.traceparent.is_string() && line.request.traceparent.text.size() < kMaxTraceparent) {
    std::string traceparent = DecodeJsonString(line.request.traceparent);
    line.trace_id = TraceIdOf(traceparent);
    if (!line.trace_id.empty()) line.traceparent = std::move(traceparent);
  }
  return line;
}

void RequestHandler::Begin(Line& line) {
  if (!line.is_request) record_.BadLine(line.error);
  line.record = record_.Begin(line.command, line.trace_id);
}

bool RequestHandler::Handle(std::string_view text) {
  Line line = Parse(text);
  const auto probe = session_ && session_->probe() ? session_->probe() : probe_->description();
  const CommandContext context{
      .probe = *probe,
      .has_session = session_ != nullptr,
      .offer_memory_interface = options_.offer_memory_interface,
  };
  Call call{.context = context};
  Step step = Step::kRefuse;
  if (line.error.empty()) {
    call.write_result = line.command->write_result;
    step = line.command->prepare(line.request, call);
  } else {
    call.text = line.error;
  }
  const uint64_t cost = RequestCost(text.size(), step == Step::kSend ? &call.request : nullptr);
  const Room room = client_.RoomFor(text.size(), cost);
  if (room == Room::kLater) return false;
  Begin(line);
  if (room == Room::kNever) {
    AnswerError(line, ReplyStatus::kGeneralError, kTooMuchMemory);
  } else if (step == Step::kSend) {
    SendUpstream(line, call, cost);
  } else if (step == Step::kAnswer) {
    queue_.AnswerOk(line.request.id, std::move(line.record), call.text);
  } else {
    AnswerError(line, ReplyStatus::kGeneralError, call.text);
  }
  return true;
}

void RequestHandler::Refuse(std::string_view text, std::string_view reason) {
  Line line = Parse(text);
  Begin(line);
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

void RequestHandler::SendUpstream(Line& line, Call& call, uint64_t cost) {
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
    client_.DropLine();
    session_->Post(std::move(call.request), line.size);
    return;
  }
  queue_.Await({
      .id = line.request.id,
      .line_bytes = line.size,
      .cost = cost,
      .request_id = request_id,
      .write_result = call.write_result,
      .record = std::move(line.record),
  });
  client_.DropLine();
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

bool RequestHandler::WriteParts() {
  bool any = false;
  while (queue_.writes_result() && replies_.UnsentBytes() < LongResult::kPartBytes && client_.MayWork()) {
    queue_.WritePart();
    any = true;
  }
  return any;
}

bool RequestHandler::Continue() {
  bool any = WriteParts();
  if (queue_.writes_result() || !replies_.has_room()) return any;
  // A copy of the pointer, because the session may be lost and released during the call.
  if (const auto session = session_) any = session->Continue() || any;
  return any;
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
