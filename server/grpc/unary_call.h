// One unary call, whose message is read only once there is room for it.
//
//   refused, or out of quota --> Finish
//   waits for a turn to read (TurnQueue) --> reads --> checks the size that the message will have once it is parsed
//   --> parses --> waits for memory, if the answer is large --> runs --> answers
//
// A client that goes away before its call runs ends the call. After that, whoever runs it decides: a command that is in
// a lane is answered in its turn.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "access/service/caller.h"
#include "base/mutex.h"
#include "base/protobuf/parsed_size.h"
#include "server/grpc/call_limits.h"
#include "server/grpc/raw_service.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class UnaryCall;

// A method, the same for all of its calls.
struct UnaryMethod {
  ParsedSize size;     // of its request
  uint64_t room = 0;   // memory in bytes to take before the message is read; 0 if its messages are always small
  bool frees = false;  // it ends something, so it must work even if its client has used up its quota of calls
  // Refuses a call before its message is read. May be null.
  std::function<absl::Status(const Caller& caller)> admit;
  // Parses `message` and runs the call; `parsed_bytes` is the memory that this takes. To be called once per call.
  std::function<void(UnaryCall& call, grpc::ByteBuffer& message, size_t parsed_bytes)> run;
};

class UnaryCall final : public RawService::Call, public std::enable_shared_from_this<UnaryCall> {
 public:
  // The call lives until gRPC is done with it, and nothing refers to it any more. `method` and `limits` must outlive
  // the server; `context` is the call's context, and `rpc` counts the call.
  static UnaryCall* Start(const UnaryMethod& method, CallLimits& limits, grpc::CallbackServerContext& context,
                          Caller caller, RpcScope rpc);

  // --- For UnaryMethod::run

  const Caller& caller() const { return caller_; }
  // The client's trace context (W3C Trace Context); empty if the client sent none.
  std::string Traceparent() const;
  // Whether the client has given up. Not to be called after Answer or Fail.
  bool IsCancelled() const { return context_.IsCancelled(); }
  // Calls `run` once the call has `bytes` of memory, which it keeps until its answer is sent; never, if the call ends
  // first. `run` may refer to the call, but must not own it.
  void TakeMemory(uint64_t bytes, absl::AnyInvocable<void()> run);
  // Ends the call. Only the first of these counts.
  void Answer(const google::protobuf::Message& response);
  void Fail(const grpc::Status& status);
  void Fail(const absl::Status& status);

  // --- For gRPC

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  UnaryCall(const UnaryMethod& method, CallLimits& limits, grpc::CallbackServerContext& context, Caller caller,
            RpcScope rpc)
      : method_(method), limits_(limits), context_(context), caller_(std::move(caller)), rpc_(std::move(rpc)) {}

  void Begin();
  void OnTurn(TurnQueue::Turn turn);
  void OnTooSlow();
  void Run();
  void OnRoom(Quota::Grant memory);
  // Whether this is the first to end the call, and so may finish it with `code`.
  bool EndOnce(grpc::StatusCode code);

  const UnaryMethod& method_;
  CallLimits& limits_;
  grpc::CallbackServerContext& context_;  // valid until Finish
  const Caller caller_;
  std::shared_ptr<UnaryCall> self_;  // until OnDone

  grpc::ByteBuffer message_;   // being read, then the request
  grpc::ByteBuffer response_;  // being written

  Mutex mutex_;
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);  // of a message that does not arrive
  RpcScope rpc_ ABSL_GUARDED_BY(mutex_);
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // the client's departure no longer ends the call
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  Quota::Grant count_ ABSL_GUARDED_BY(mutex_);                  // in the quota of calls
  TurnQueue::Turn turn_ ABSL_GUARDED_BY(mutex_);                // to read its message
  absl::AnyInvocable<void()> waiting_ ABSL_GUARDED_BY(mutex_);  // for memory
  Quota::Grant memory_ ABSL_GUARDED_BY(mutex_);                 // until OnDone
};

}  // namespace probegate
