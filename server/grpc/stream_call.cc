#include "server/grpc/stream_call.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "probe/error.h"
#include "server/commands/error_detail.h"
#include "server/commands/request_cost.h"
#include "server/grpc/messages.h"
#include "server/grpc/run_soon.h"
#include "server/grpc/status.h"

namespace probegate {
namespace {

// The memory that one request takes at most once it is parsed: a repeated field of a message of the maximum size has as
// much room to spare as it is long.
constexpr size_t kMaxParsedBytes = size_t{2} * kMaxMessageBytes + kMaxSmallParsedBytes;

constexpr char kFirstOpens[] = "open_session must be the first request of a stream, and may appear only once";

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

StreamCall* StreamCall::Start(const Shared& shared, const grpc::CallbackServerContext& context, Caller caller,
                              RpcScope rpc) {
  std::shared_ptr<StreamCall> call(new StreamCall(shared, context, std::move(caller), std::move(rpc)));
  call->self_ = call;
  MutexLock lock(call->mutex_);
  call->ReadNext();
  return call.get();
}

// --- Requests

void StreamCall::OnReadDone(bool ok) {
  if (ok) return HandleMessage();
  // A read also fails when the client is gone. That is not a half-close, but gRPC calls OnCancel only later.
  if (context_.IsCancelled()) OnCancel();
  {
    MutexLock lock(mutex_);
    half_closed_ = true;
  }
  DoneReading();
}

void StreamCall::DoneReading() {
  message_.Clear();
  room_ = {};
  {
    MutexLock lock(mutex_);
    reading_ = false;
  }
  GoOn();
}

void StreamCall::HandleMessage() {
  const auto refuse = [this](const absl::Status& why) {
    End(why);
    DoneReading();
  };
  const size_t length = message_.Length();
  if (first_ && length > kMaxSmallMessageBytes) return refuse(MakeError(ErrorKind::kInvalidArgument, kFirstOpens));
  const auto parsed = ParsedBytes(shared_.request, message_, first_ ? kMaxSmallParsedBytes : kMaxParsedBytes);
  if (!parsed.ok()) return refuse(parsed.status());
  if (!first_ && !MakeRoom(*parsed + length)) return;
  v1::StreamRequest request;
  if (absl::Status wrong = Parse(message_, request); !wrong.ok()) return refuse(wrong);
  if (request.has_open_session() != first_) return refuse(MakeError(ErrorKind::kInvalidArgument, kFirstOpens));
  if (absl::Status wrong = CheckPosted(request); !wrong.ok()) return refuse(wrong);
  if (std::exchange(first_, false)) {
    OpenSession(request);
  } else {
    if (!MakeRoom(RequestMemory(request, length, *parsed))) return;
    Submit(std::move(request), length);
  }
  DoneReading();
}

bool StreamCall::MakeRoom(size_t bytes) {
  {
    MutexLock lock(mutex_);
    if (uncounted_ + bytes <= kUncountedBytes) {
      room_.uncounted = bytes;
      return true;
    }
  }
  room_.uncounted = 0;
  room_.memory.GiveBack();  // whoever waits must hold nothing, so that no two requests wait for each other
  auto memory = shared_.memory.Take(client_, bytes, caller_.limits.bytes);
  if (memory.ok()) {
    room_.memory = *std::move(memory);
    return true;
  }
  bool leaving = false;
  {
    MutexLock lock(mutex_);
    leaving = cancelled_ || end_;
    awaits_room_ = !leaving;
  }
  if (leaving) {
    DoneReading();
  } else {
    const auto retry = [weak = weak_from_this()] {
      RunSoon([weak] {
        if (const auto call = weak.lock()) call->TryAgain();
      });
    };
    shared_.memory.WhenRoom(client_, bytes, weak_from_this(), retry, caller_.limits.bytes);
  }
  return false;
}

void StreamCall::TryAgain() {
  {
    MutexLock lock(mutex_);
    if (!std::exchange(awaits_room_, false)) return;  // the call is ending
  }
  HandleMessage();
}

uint64_t StreamCall::TakeSlot(Slot slot) {
  MutexLock lock(mutex_);
  if (!slot.posted) pace_.Note(awaited_++ > 0, std::chrono::steady_clock::now() - answered_at_);
  cost_ += slot.cost;
  uncounted_ += slot.uncounted;
  slots_.push_back(std::move(slot));
  return first_slot_ + slots_.size() - 1;
}

void StreamCall::FreeSlot() {
  cost_ -= slots_.front().cost;
  uncounted_ -= slots_.front().uncounted;
  slots_.pop_front();
  ++first_slot_;
}

void StreamCall::OpenSession(const v1::StreamRequest& request) {
  const uint64_t number = TakeSlot({});
  auto on_end = [self = shared_from_this()](const absl::Status& why) {
    self->OnSessionEnded(why);
    self->GoOn();
  };
  auto opened = shared_.sessions.Open(request.open_session(), caller_, std::move(on_end), request.traceparent());
  v1::StreamResponse response;
  response.set_request_id(request.request_id());
  SessionHandle unwanted;
  if (opened.ok()) {
    client_ = opened->client;
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

void StreamCall::Submit(v1::StreamRequest request, size_t wire_bytes) {
  message_.Clear();
  std::shared_ptr<Session> session;
  {
    MutexLock lock(mutex_);
    session = session_.session();
  }
  if (session == nullptr) return;  // the call is ending
  room_.cost = RequestCost(request, wire_bytes);
  room_.posted = request.posted_size() > 0 && request.request_case() == v1::StreamRequest::REQUEST_NOT_SET;
  const uint64_t number = TakeSlot(std::exchange(room_, {}));
  session->Submit(std::move(request), [self = shared_from_this(), number](v1::StreamResponse response) {
    self->Answer(number, std::move(response));
  });
}

void StreamCall::ReadNext() {
  if (reading_ || half_closed_ || cancelled_ || end_ || finished_) return;
  if (pace_.waits() && awaited_ > 0) return;
  if (slots_.size() >= kMaxUnanswered || cost_ >= kMaxUnansweredBytes) return;
  reading_ = true;
  StartRead(&message_);
}

// --- Answers

void StreamCall::Answer(uint64_t number, v1::StreamResponse response) {
  {
    MutexLock lock(mutex_);
    if (cancelled_) return;
    Slot& slot = slots_[number - first_slot_];
    if (slot.memory) slot.memory.ShrinkTo(response.ByteSizeLong());
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
  outgoing_ = Serialize(std::exchange(slots_.front().response, {}));
  grpc::WriteOptions options;
  // If the next answer is ready, both may travel in one packet.
  if (slots_.size() > 1 && slots_[1].answered && !slots_[1].posted) options.set_buffer_hint();
  answered_at_ = std::chrono::steady_clock::now();
  StartWrite(&outgoing_, options);
}

void StreamCall::OnWriteDone(bool) {
  {
    MutexLock lock(mutex_);
    writing_ = false;
    outgoing_.Clear();
    if (!cancelled_) FreeSlot();
  }
  GoOn();
}

// --- The end

void StreamCall::End(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (!end_) end_ = why;
  if (std::exchange(awaits_room_, false)) reading_ = false;
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
    if (std::exchange(awaits_room_, false)) reading_ = false;
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
