// Debug.Debug: a stream that is a debugging session.
//
// Requests are read all the time, so that an interrupt is never behind input that gdb does not take; the session bounds
// what waits. Output is written one message at a time, and the session gives none before the last is written.
//
// Threads: gRPC's and the session's. Nothing of gRPC that is called under the mutex calls back from inside.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <grpcpp/grpcpp.h>

#include "base/mutex.h"
#include "cc/arduino/cli/debug/debug.pb.h"
#include "debug/sessions.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class DebugCall final
    : public grpc::ServerBidiReactor<cc::arduino::cli::debug::DebugReq, cc::arduino::cli::debug::DebugResp>,
      public DebugClient {
 public:
  static constexpr char kMethod[] = "/cc.arduino.cli.debug.Debug/Debug";
  static constexpr char kExitCodeKey[] = "probegate-gdb-exit-code";

  // Lives until gRPC is done with it. `sessions` must outlive the server; `context` is the call's.
  static DebugCall* Start(DebugSessions& sessions, grpc::CallbackServerContext& context, RpcScope rpc);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void OnOutput(std::string bytes) override;
  void OnEnd(const DebugEnd& end) override;
  void GiveUp() override;

 private:
  DebugCall(DebugSessions& sessions, grpc::CallbackServerContext& context, RpcScope rpc)
      : sessions_(sessions), context_(context), peer_(ParsePeer(context.peer())), rpc_(std::move(rpc)) {}

  void TakeFirst();
  void TakeNext();
  std::shared_ptr<DebugSession> session();
  void FinishIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  DebugSessions& sessions_;
  grpc::CallbackServerContext& context_;  // to be used only before OnDone
  const Peer peer_;
  std::shared_ptr<DebugCall> self_;  // until OnDone
  bool first_ = true;                // OnReadDone's

  cc::arduino::cli::debug::DebugReq request_;  // being read

  Mutex mutex_;
  cc::arduino::cli::debug::DebugResp response_ ABSL_GUARDED_BY(mutex_);  // being written
  std::shared_ptr<DebugSession> session_ ABSL_GUARDED_BY(mutex_);
  RpcScope rpc_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<DebugEnd> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
