#include "debug/grpc/debug_call.h"

#include <utility>

#include "debug/grpc/message_limits.h"

namespace probegate {

void DebugCall::Begin(std::shared_ptr<DebugCall> self) {
  self_ = std::move(self);
  auto waiting = quotas().calls.Take(caller_.key, 1, caller_.limits.connections);
  if (!waiting.ok()) {
    first_ = false;
    return OnEnd({DebugEndCause::kRefused, waiting.status()});
  }
  waiting_ = *std::move(waiting);
  sessions_.context().timers.At(Timers::Clock::now() + kConfigBound, self_, [this] { GiveUpConfig(); });
  StartReading();
}

// --- Requests

void DebugCall::Read(DebugMessage message) {
  if (first_.exchange(false)) {
    waiting_.GiveBack();
    TakeFirst(std::move(message));
  } else {
    TakeNext(std::move(message));
  }
  ReadNext();
}

void DebugCall::ReadNext() {
  const auto read = [this] {
    MutexLock lock(mutex_);
    if (!finished_) StartReading();
  };
  quotas().memory.WhenRoom(caller_.key, kMaxDebugMessageBytes, weak_from_this(), read, caller_.limits.bytes);
}

void DebugCall::GiveUpConfig() {
  if (!first_.exchange(false)) return;
  OnEnd({DebugEndCause::kBadConfig,
         absl::DeadlineExceededError("no message came within 10 seconds; the first must contain " + config_field_)});
}

void DebugCall::ReadEnd() {
  // A client that is gone has not half-closed the stream. gRPC reports the cancellation only after this.
  if (context_.IsCancelled()) return;
  if (const auto open = session()) {
    open->HalfClose();
  } else if (first_.exchange(false)) {
    OnEnd(
        {DebugEndCause::kBadConfig, "the stream ended before the first message, which must contain " + config_field_});
  }
}

void DebugCall::TakeFirst(DebugMessage message) {
  if (!message.config) return OnEnd({DebugEndCause::kBadConfig, "the first message must contain " + config_field_});
  if (!message.data.empty() || message.interrupt) {
    return OnEnd({DebugEndCause::kBadConfig, "the first message must contain " + config_field_ + " and nothing else"});
  }
  auto started = sessions_.Start(*std::move(message.config), caller_, self_);
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

void DebugCall::TakeNext(DebugMessage message) {
  const auto open = session();
  if (open == nullptr) return;  // the call is ending
  if (message.config) {
    return open->End({DebugEndCause::kBadMessage, "only the first message may contain " + config_field_});
  }
  if (!message.data.empty()) open->Input(std::move(message.data));
  if (message.interrupt) open->Interrupt();
}

std::shared_ptr<DebugSession> DebugCall::session() {
  MutexLock lock(mutex_);
  return session_;
}

// --- Output

void DebugCall::OnOutput(std::string bytes) {
  MutexLock lock(mutex_);
  if (finished_ || end_ || done_) return;
  writing_ = true;
  output_grant_ = quotas().memory.TakeAnyway(caller_.key, bytes.size());
  StartWriting(std::move(bytes));
}

void DebugCall::Written() {
  std::shared_ptr<DebugSession> open;
  Quota::Grant written;  // given back without the lock, because that may call others
  {
    MutexLock lock(mutex_);
    written = std::move(output_grant_);
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
  if (context_.IsCancelled()) return FinishWith(status);
  WriteEndAndFinish(*end_, status);
}

// --- The end

void DebugCall::Cancelled() {
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

void DebugCall::Done() {
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
