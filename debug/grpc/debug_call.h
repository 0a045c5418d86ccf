// Debug.Debug: each call is a stream, and one debugging session.
//
// Requests are read all the time, so that an interrupt never waits behind input that gdb does not read; the session
// limits how much input may wait. Output is written one message at a time: the session sends no more until the last
// message has been written.
//
// Threads: gRPC's and the session's. The gRPC functions that are called while the mutex is held do not call back from
// within the call.
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

  // The object deletes itself when gRPC is done with it. `sessions` must outlive the server; `context` is the call's.
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
  grpc::CallbackServerContext& context_;  // not to be used after OnDone
  const Peer peer_;
  std::shared_ptr<DebugCall> self_;  // until OnDone
  bool first_ = true;                // the next message is the first; used by OnReadDone only

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
