#include "server/grpc/unary_call.h"

#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "probe/error.h"
#include "server/commands/request_cost.h"
#include "server/grpc/messages.h"
#include "server/grpc/status.h"

namespace probegate {

UnaryCall* UnaryCall::Start(const UnaryMethod& method, CallLimits& limits, grpc::CallbackServerContext& context,
                            Caller caller, RpcScope rpc) {
  std::shared_ptr<UnaryCall> call(new UnaryCall(method, limits, context, std::move(caller), std::move(rpc)));
  call->self_ = call;
  call->Begin();
  return call.get();
}

void UnaryCall::Begin() {
  if (method_.admit) {
    if (const absl::Status refused = method_.admit(caller_); !refused.ok()) return Fail(refused);
  }
  absl::StatusOr<Quota::Grant> count = method_.frees
                                           ? limits_.quotas.calls.TakeAnyway(caller_.key, 1)
                                           : limits_.quotas.calls.Take(caller_.key, 1, caller_.limits.connections);
  if (!count.ok()) return Fail(MakeError(ErrorKind::kBusy, std::string(count.status().message())));
  {
    MutexLock lock(mutex_);
    count_ = *std::move(count);
  }
  TurnQueue& turns = method_.room > 0 ? limits_.large_reads : limits_.small_reads;
  turns.Enter(caller_.key, method_.room, caller_.limits.bytes, weak_from_this(),
              [this](TurnQueue::Turn turn) { OnTurn(std::move(turn)); });
}

std::string UnaryCall::Traceparent() const {
  const auto& metadata = context_.client_metadata();
  const auto found = metadata.find("traceparent");
  return found == metadata.end() ? std::string() : std::string(found->second.data(), found->second.size());
}

// --- The message

void UnaryCall::OnTurn(TurnQueue::Turn turn) {
  MutexLock lock(mutex_);
  if (ended_) return;
  turn_ = std::move(turn);
  reading_ = true;
  const auto patience = method_.room > 0 ? CallLimits::kLargePatience : CallLimits::kSmallPatience;
  // The alarm keeps its function, and so the call, until the function has moved the pointer away.
  alarm_.Set(std::chrono::system_clock::now() + patience, [self = shared_from_this()](bool fired) mutable {
    const std::shared_ptr<UnaryCall> call = std::move(self);
    if (fired) call->OnTooSlow();
  });
  StartRead(&message_);
}

void UnaryCall::OnTooSlow() {
  {
    MutexLock lock(mutex_);
    if (!reading_) return;
  }
  Fail(MakeError(ErrorKind::kBusy, "the message of the call did not arrive in time, and other calls wait for room"));
}

void UnaryCall::OnReadDone(bool ok) {
  {
    MutexLock lock(mutex_);
    reading_ = false;
    if (ended_) return;
    running_ = ok;
    alarm_.Cancel();
  }
  if (ok) return Run();
  if (context_.IsCancelled()) return Fail(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone"));
  Fail(MakeError(ErrorKind::kInvalidArgument, "the call has no message"));
}

void UnaryCall::Run() {
  const size_t length = message_.Length();
  if (method_.room == 0 && length > kMaxSmallMessageBytes) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, absl::StrCat("the message has ", length, " bytes; at most ",
                                                                    kMaxSmallMessageBytes, " are allowed")));
  }
  // What was taken for a large message is for its bytes, too.
  const size_t limit = method_.room == 0 ? kMaxSmallParsedBytes : method_.room - kMaxMessageBytes / 2;
  const auto parsed = ParsedBytes(method_.size, message_, limit);
  if (!parsed.ok()) return Fail(parsed.status());
  method_.run(*this, message_, *parsed);
}

void UnaryCall::TakeMemory(uint64_t bytes, absl::AnyInvocable<void()> run) {
  message_.Clear();      // it has been parsed
  TurnQueue::Turn read;  // over when this returns
  bool has_room = true;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    read = std::move(turn_);
    if (read.memory && bytes <= read.memory.amount()) {
      memory_ = std::move(read.memory);
      memory_.ShrinkTo(bytes);
    } else if (read.memory || bytes <= kUncountedBytes) {
      memory_ = limits_.quotas.memory.TakeAnyway(caller_.key, bytes);
    } else {
      has_room = false;
      running_ = false;
      waiting_ = std::move(run);
    }
  }
  if (has_room) return run();
  limits_.answers.Enter(caller_.key, bytes, caller_.limits.bytes, weak_from_this(),
                        [this](TurnQueue::Turn turn) { OnRoom(std::move(turn.memory)); });
}

void UnaryCall::OnRoom(Quota::Grant memory) {
  absl::AnyInvocable<void()> run;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    running_ = true;
    memory_ = std::move(memory);
    run = std::exchange(waiting_, nullptr);
  }
  run();
}

// --- The end

bool UnaryCall::EndOnce(grpc::StatusCode code) {
  TurnQueue::Turn turn;  // given back without the mutex
  absl::AnyInvocable<void()> dropped;
  MutexLock lock(mutex_);
  if (std::exchange(ended_, true)) return false;
  alarm_.Cancel();
  turn = std::move(turn_);
  dropped = std::exchange(waiting_, nullptr);
  rpc_.Finish(code);
  return true;
}

void UnaryCall::Answer(const google::protobuf::Message& response) {
  grpc::ByteBuffer bytes = Serialize(response);
  if (!EndOnce(grpc::StatusCode::OK)) return;
  response_ = std::move(bytes);
  {
    MutexLock lock(mutex_);
    memory_.ShrinkTo(response_.Length());
  }
  StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
}

void UnaryCall::Fail(const grpc::Status& status) {
  if (EndOnce(status.error_code())) Finish(status);
}

void UnaryCall::Fail(const absl::Status& status) { Fail(ToGrpcStatus(status)); }

void UnaryCall::OnCancel() {
  {
    MutexLock lock(mutex_);
    if (running_) return;
  }
  Fail(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone"));
}

void UnaryCall::OnDone() { const std::shared_ptr<UnaryCall> last = std::move(self_); }

}  // namespace probegate
