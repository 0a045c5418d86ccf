// DebugProbe.Stream: a stream that is a session.
//
// Requests are read, and submitted to the session, as long as the unanswered ones stay within bounds. The lane's thread
// delivers the answers, which are written in the order of the requests. If a client waits for each answer
// (server/grpc/client_pace.h), the next read starts only after that answer: a read wakes up both ends (an HTTP/2 window
// update), just when the lane should be busy with the probe. The call ends
//
// - with OK, once the client has half-closed and everything is answered;
// - with the reason, if the session was not ended by its client: pending requests are answered first;
// - with INVALID_ARGUMENT, if open_session was not the first request, or came again later;
// - if the client disappears; its session is then dropped at once.
//
// Threads: gRPC's and the lane's. The mutex is never held during a call into the session. gRPC's StartRead and
// StartWrite only queue an operation and never call back from inside; they are called with the mutex held, so that none
// of them follows Finish.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/grpcpp.h>

#include "base/mutex.h"
#include "base/peer.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/grpc/client_pace.h"
#include "server/sessions/session_registry.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class StreamCall final : public grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse> {
 public:
  static constexpr char kMethod[] = "/probegate.v1.DebugProbe/Stream";

  // The call lives until gRPC is done with it and no lane holds any of its callbacks. `sessions` must outlive the
  // server; `context` is the call's context, and `rpc` counts the call.
  static StreamCall* Start(SessionRegistry& sessions, const grpc::CallbackServerContext& context, RpcScope rpc);

  void OnReadDone(bool ok) override;
  // OnCancel follows a failed write, so `ok` is not needed.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // One request, until its answer is written. Slots keep the order of the requests, because a session that ends may
  // answer on two threads.
  struct Slot {
    size_t cost = 0;      // bytes of the request and its answer, estimated
    bool posted = false;  // it consists of posted commands only: no answer is written
    bool answered = false;
    v1::StreamResponse response;
  };

  StreamCall(SessionRegistry& sessions, const grpc::CallbackServerContext& context, RpcScope rpc)
      : sessions_(sessions), context_(context), peer_(ParsePeer(context.peer())), rpc_(std::move(rpc)) {}

  void OpenSession(const v1::StreamRequest& request);
  void Submit(v1::StreamRequest request);
  void Answer(uint64_t number, v1::StreamResponse response);
  uint64_t TakeSlot(size_t cost, bool posted);
  void FreeSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnSessionEnded(const absl::Status& why);
  void End(const absl::Status& why);
  void GoOn();
  void ReadNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<grpc::Status> FinishIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  SessionRegistry& sessions_;
  const grpc::CallbackServerContext& context_;  // valid only while an operation is in progress
  const Peer peer_;
  RpcScope rpc_;                      // told the status when the call finishes
  std::shared_ptr<StreamCall> self_;  // until OnDone
  bool first_ = true;                 // OnReadDone's: nothing has been read yet

  v1::StreamRequest request_;    // being read
  v1::StreamResponse response_;  // being written

  Mutex mutex_;
  SessionHandle session_ ABSL_GUARDED_BY(mutex_);
  std::string probe_ ABSL_GUARDED_BY(mutex_);     // unique ID, once there is a session
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;  // or submitting what was read
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;  // there is nothing more to read
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);  // why the call ends, once it does
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mutex_);
  size_t awaited_ ABSL_GUARDED_BY(mutex_) = 0;  // unanswered slots whose answer will be written
  std::chrono::steady_clock::time_point answered_at_ ABSL_GUARDED_BY(mutex_);
  ClientPace pace_ ABSL_GUARDED_BY(mutex_);
  uint64_t first_slot_ ABSL_GUARDED_BY(mutex_) = 0;  // the number of slots_.front()
  size_t cost_ ABSL_GUARDED_BY(mutex_) = 0;          // of all slots
};

}  // namespace probegate
