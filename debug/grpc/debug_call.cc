#include "debug/grpc/debug_call.h"

#include <utility>

namespace probegate {

DebugCall* DebugCall::Start(DebugSessions& sessions, grpc::CallbackServerContext& context, RpcScope rpc) {
  std::shared_ptr<DebugCall> call(new DebugCall(sessions, context, std::move(rpc)));
  call->self_ = call;
  call->StartRead(&call->request_);
  return call.get();
}

// --- Requests

void DebugCall::OnReadDone(bool ok) {
  if (!ok) {
    // A client that is gone has not half-closed the stream. gRPC calls OnCancel only after this.
    if (context_.IsCancelled()) return;
    if (const auto open = session()) {
      open->HalfClose();
    } else if (std::exchange(first_, false)) {
      OnEnd({DebugEndCause::kBadConfig, "the stream ended before the first message, which must contain debugReq"});
    }
    return;
  }
  std::exchange(first_, false) ? TakeFirst() : TakeNext();
  MutexLock lock(mutex_);
  if (!finished_) StartRead(&request_);
}

void DebugCall::TakeFirst() {
  if (!request_.has_debugreq()) {
    return OnEnd({DebugEndCause::kBadConfig, "the first message must contain debugReq"});
  }
  if (!request_.data().empty() || request_.send_interrupt()) {
    return OnEnd({DebugEndCause::kBadConfig, "the first message must contain debugReq and nothing else"});
  }
  auto started = sessions_.Start(std::move(*request_.mutable_debugreq()), peer_, self_);
  if (!started.ok()) return OnEnd({DebugEndCause::kRefused, started.status()});
  bool gone = false;
  {
    MutexLock lock(mutex_);
    session_ = *started;
    gone = done_;
  }
  // The client may have left in the meantime.
  if (gone || context_.IsCancelled()) (*started)->End({DebugEndCause::kClientGone, "the client is gone"});
}

void DebugCall::TakeNext() {
  const auto open = session();
  if (open == nullptr) return;  // the call is ending
  if (request_.has_debugreq()) {
    return open->End({DebugEndCause::kBadMessage, "only the first message may contain debugReq"});
  }
  if (!request_.data().empty()) open->Input(std::move(*request_.mutable_data()));
  if (request_.send_interrupt()) open->Interrupt();
}

std::shared_ptr<DebugSession> DebugCall::session() {
  MutexLock lock(mutex_);
  return session_;
}

// --- Output

void DebugCall::OnOutput(std::string bytes) {
  MutexLock lock(mutex_);
  if (finished_ || end_ || done_) return;
  response_.set_data(std::move(bytes));
  writing_ = true;
  StartWrite(&response_);
}

void DebugCall::OnWriteDone(bool) {
  std::shared_ptr<DebugSession> open;
  {
    MutexLock lock(mutex_);
    writing_ = false;
    open = session_;
    FinishIfDue();
  }
  if (open != nullptr) open->OutputTaken();
}

void DebugCall::OnEnd(const DebugEnd& end) {
  MutexLock lock(mutex_);
  if (!end_) end_ = end;
  FinishIfDue();
}

void DebugCall::FinishIfDue() {
  if (!end_ || writing_ || finished_ || done_) return;
  finished_ = true;
  if (end_->gdb_exit_code) context_.AddTrailingMetadata(kExitCodeKey, std::to_string(*end_->gdb_exit_code));
  const auto code = static_cast<grpc::StatusCode>(end_->code);
  rpc_.Finish(code);
  const grpc::Status status = code == grpc::StatusCode::OK ? grpc::Status::OK : grpc::Status(code, end_->reason);
  if (context_.IsCancelled()) return Finish(status);
  response_.set_data({});
  response_.set_error(end_->reason);
  StartWriteAndFinish(&response_, grpc::WriteOptions(), status);
}

// --- The end

void DebugCall::OnCancel() {
  if (const auto open = session()) {
    open->End({DebugEndCause::kClientGone, "the client is gone"});
  } else {
    OnEnd({DebugEndCause::kClientGone, "the client is gone"});
  }
}

void DebugCall::GiveUp() {
  MutexLock lock(mutex_);
  if (!done_) context_.TryCancel();
}

void DebugCall::OnDone() {
  std::shared_ptr<DebugSession> last_session;
  {
    MutexLock lock(mutex_);
    done_ = true;
    last_session = std::move(session_);
  }
  // The client has taken the end, or never will.
  if (last_session != nullptr) {
    last_session->EndTaken();
    last_session->End({DebugEndCause::kClientGone, "the client is gone"});
  }
  const std::shared_ptr<DebugCall> last = std::move(self_);
}

}  // namespace probegate
