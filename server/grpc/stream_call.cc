#include "server/grpc/stream_call.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "probe/error.h"
#include "server/commands/error_detail.h"
#include "server/commands/request_cost.h"
#include "server/grpc/status.h"

namespace probegate {
namespace {

// Finds errors in the posted part of a request, because of which the request must not be queued at all.
absl::Status CheckPosted(const v1::StreamRequest& request) {
  if (request.posted_size() == 0) return absl::OkStatus();
  std::string wrong;
  if (request.has_open_session()) wrong = "open_session cannot carry posted requests";
  if (request.posted_size() > kMaxPosted) {
    wrong = absl::StrCat("a request carries ", request.posted_size(), " posted requests; at most ", kMaxPosted,
                         " are allowed");
  }
  for (const v1::StreamRequest& posted : request.posted()) {
    if (posted.posted_size() > 0) wrong = "a posted request cannot carry posted requests of its own";
  }
  return wrong.empty() ? absl::OkStatus() : MakeError(ErrorKind::kInvalidArgument, wrong);
}

}  // namespace

StreamCall* StreamCall::Start(SessionRegistry& sessions, const grpc::CallbackServerContext& context, RpcScope rpc) {
  std::shared_ptr<StreamCall> call(new StreamCall(sessions, context, std::move(rpc)));
  call->self_ = call;
  MutexLock lock(call->mutex_);
  call->ReadNext();
  return call.get();
}

// --- Requests

void StreamCall::OnReadDone(bool ok) {
  if (!ok) {
    // A read also fails when the client is gone. That is not a half-close, but gRPC calls OnCancel only later.
    if (context_.IsCancelled()) OnCancel();
    MutexLock lock(mutex_);
    half_closed_ = true;
  } else if (request_.has_open_session() != std::exchange(first_, false)) {
    End(MakeError(ErrorKind::kInvalidArgument,
                  "open_session must be the first request of a stream, and may appear only once"));
  } else if (absl::Status wrong = CheckPosted(request_); !wrong.ok()) {
    request_.Clear();
    End(wrong);
  } else if (request_.has_open_session()) {
    OpenSession(request_);
  } else {
    Submit(std::move(request_));
  }
  {
    MutexLock lock(mutex_);
    reading_ = false;
  }
  GoOn();
}

uint64_t StreamCall::TakeSlot(size_t cost, bool posted) {
  MutexLock lock(mutex_);
  slots_.push_back({.cost = cost, .posted = posted});
  if (!posted) pace_.Note(awaited_++ > 0, std::chrono::steady_clock::now() - answered_at_);
  cost_ += cost;
  return first_slot_ + slots_.size() - 1;
}

void StreamCall::FreeSlot() {
  cost_ -= slots_.front().cost;
  slots_.pop_front();
  ++first_slot_;
}

void StreamCall::OpenSession(const v1::StreamRequest& request) {
  const uint64_t number = TakeSlot(0, false);
  auto on_end = [self = self_](const absl::Status& why) {
    self->OnSessionEnded(why);
    self->GoOn();
  };
  auto opened = sessions_.Open(request.open_session(), peer_, std::move(on_end), request.traceparent());
  v1::StreamResponse response;
  response.set_request_id(request.request_id());
  SessionHandle unwanted;
  if (opened.ok()) {
    *response.mutable_open_session() = std::move(opened->response);
    MutexLock lock(mutex_);
    probe_ = response.open_session().probe().unique_id();
    (cancelled_ || finished_ || end_ ? unwanted : session_) = std::move(opened->session);
  } else {
    *response.mutable_error() = ToErrorDetail(opened.status(), {});
    End(opened.status());
  }
  Answer(number, std::move(response));
}

void StreamCall::Submit(v1::StreamRequest request) {
  std::shared_ptr<Session> session;
  {
    MutexLock lock(mutex_);
    session = session_.session();
  }
  if (session == nullptr) return;  // the call is ending
  const bool posted = request.posted_size() > 0 && request.request_case() == v1::StreamRequest::REQUEST_NOT_SET;
  const uint64_t number = TakeSlot(RequestCost(request), posted);
  session->Submit(std::move(request),
                  [self = self_, number](v1::StreamResponse response) { self->Answer(number, std::move(response)); });
}

void StreamCall::ReadNext() {
  if (reading_ || half_closed_ || cancelled_ || end_ || finished_) return;
  if (pace_.waits() && awaited_ > 0) return;
  if (slots_.size() >= kMaxUnanswered || cost_ >= kMaxUnansweredBytes) return;
  reading_ = true;
  StartRead(&request_);
}

// --- Answers

void StreamCall::Answer(uint64_t number, v1::StreamResponse response) {
  {
    MutexLock lock(mutex_);
    if (cancelled_) return;
    Slot& slot = slots_[number - first_slot_];
    slot.response = std::move(response);
    slot.answered = true;
    if (!slot.posted) --awaited_;
  }
  GoOn();
}

void StreamCall::WriteNext() {
  if (writing_ || cancelled_ || finished_) return;
  while (!slots_.empty() && slots_.front().posted && slots_.front().answered) FreeSlot();
  if (slots_.empty() || !slots_.front().answered) return;
  writing_ = true;
  response_ = std::move(slots_.front().response);
  grpc::WriteOptions options;
  // If the next answer is ready, both may travel in one packet.
  if (slots_.size() > 1 && slots_[1].answered && !slots_[1].posted) options.set_buffer_hint();
  answered_at_ = std::chrono::steady_clock::now();
  StartWrite(&response_, options);
}

void StreamCall::OnWriteDone(bool) {
  {
    MutexLock lock(mutex_);
    writing_ = false;
    if (!cancelled_) FreeSlot();
  }
  GoOn();
}

// --- The end

void StreamCall::End(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (!end_) end_ = why;
}

// Everything is answered by now. The session must leave the lists at once, even if its client never reads the answers.
void StreamCall::OnSessionEnded(const absl::Status& why) {
  SessionHandle ended;
  End(why);
  MutexLock lock(mutex_);
  ended = std::move(session_);
}

void StreamCall::OnCancel() {
  SessionHandle leaving;
  std::deque<Slot> dropped;
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    leaving = std::move(session_);
    dropped.swap(slots_);
  }
  // A client that closed the probe first did not disappear: the gateway ends every session by cancelling the call.
  const bool tidy = leaving && !leaving.session()->snapshot().has_open;
  leaving.Release(tidy ? SessionEndCause::kClosed : SessionEndCause::kClientGone);
  GoOn();
}

void StreamCall::GoOn() {
  SessionHandle leaving;
  SessionEndCause cause = SessionEndCause::kClosed;
  std::optional<grpc::Status> status;
  {
    MutexLock lock(mutex_);
    WriteNext();
    ReadNext();
    status = FinishIfDue();
    if (status) leaving = std::move(session_);
    if (end_) cause = SessionEndCause::kKicked;  // its requests were invalid
  }
  if (!status) return;
  // Released first: once the client reads the status, its session must be gone.
  leaving.Release(cause);
  rpc_.Finish(status->error_code());
  Finish(*status);
}

std::optional<grpc::Status> StreamCall::FinishIfDue() {
  if (finished_ || writing_ || (reading_ && !end_)) return std::nullopt;
  if (!cancelled_ && (!slots_.empty() || !(end_ || half_closed_))) return std::nullopt;
  finished_ = true;
  if (cancelled_) return grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone");
  return end_ ? ToGrpcStatus(*end_, probe_) : grpc::Status::OK;
}

void StreamCall::OnDone() { const std::shared_ptr<StreamCall> last = std::move(self_); }

}  // namespace probegate
