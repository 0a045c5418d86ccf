// A debugging session's call, whatever its service: what each message does, and when the call ends. DebugStream
// (debug/grpc/debug_stream.h) connects it to a stream of messages.
//
// Requests are read all the time, so that an interrupt never waits behind input that gdb does not read; the session
// limits how much input may wait. Only while the client has no room left in the quota of memory, nothing is read.
// Output is written one message at a time: the session sends no more until the last message has been written.
//
// Threads: gRPC's and the session's. The gRPC functions that are called while the mutex is held do not call back from
// within the call.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/grpcpp.h>

#include "access/service/caller.h"
#include "base/mutex.h"
#include "debug/debug_config.h"
#include "debug/sessions.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

// What a client sent.
struct DebugMessage {
  std::optional<DebugConfig> config;  // in the first message, and only there
  std::string data;
  bool interrupt = false;
};

class DebugCall : public DebugClient, public std::enable_shared_from_this<DebugCall> {
 public:
  static constexpr char kExitCodeKey[] = "probegate-gdb-exit-code";
  // How long a stream may take to send its first message.
  static constexpr std::chrono::seconds kConfigBound{10};

  void OnOutput(std::string bytes) override;
  void OnEnd(const DebugEnd& end) override;
  void GiveUp() override;

 protected:
  // `sessions` must outlive the server; `context` is the call's. `config_field`: the name of the field with the
  // config, for messages.
  DebugCall(DebugSessions& sessions, grpc::CallbackServerContext& context, Caller caller, RpcScope rpc,
            const char* config_field)
      : sessions_(sessions),
        context_(context),
        caller_(std::move(caller)),
        config_field_(config_field),
        rpc_(std::move(rpc)) {}

  // To be called before the first of the functions below. `self` is kept until Done.
  void Begin(std::shared_ptr<DebugCall> self);
  // What gRPC reports: a message, the end of the requests, a message that was written, a cancelled call, and, last,
  // that the call is done. After Done, this object may no longer exist.
  void Read(DebugMessage message);
  void ReadEnd();
  void Written();
  void Cancelled();
  void Done();

 private:
  // The stream's operations; only one write at a time.
  virtual void StartReading() = 0;
  virtual void StartWriting(std::string bytes) = 0;
  virtual void WriteEndAndFinish(const DebugEnd& end, const grpc::Status& status) = 0;
  virtual void FinishWith(const grpc::Status& status) = 0;

  DebugQuotas& quotas() { return sessions_.context().quotas; }
  void ReadNext();
  void GiveUpConfig();
  void TakeFirst(DebugMessage message);
  void TakeNext(DebugMessage message);
  std::shared_ptr<DebugSession> session();
  void FinishIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  DebugSessions& sessions_;
  grpc::CallbackServerContext& context_;  // not to be used after Done
  const Caller caller_;
  const std::string config_field_;
  std::shared_ptr<DebugCall> self_;  // until Done
  std::atomic<bool> first_ = true;   // the next message is the first
  Quota::Grant waiting_;             // for the first message; used by Begin, and then by gRPC's reads

  Mutex mutex_;
  Quota::Grant output_grant_ ABSL_GUARDED_BY(mutex_);  // for what is being written
  std::shared_ptr<DebugSession> session_ ABSL_GUARDED_BY(mutex_);
  RpcScope rpc_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<DebugEnd> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
