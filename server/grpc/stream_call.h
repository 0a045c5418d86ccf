// DebugProbe.Stream: a stream that is a session.
//
// Requests are read as long as what is unanswered stays within bounds, and put into the session; the lane's thread
// brings the answers, which are written in the order of the requests. A client that waits for each answer
// (server/grpc/client_pace.h) is read again only behind the next one: a read costs both ends a wake-up (an HTTP/2
// window update), just when the lane has the probe to ask. The call ends
// - with OK, when the client has half-closed and everything is answered;
// - with the reason, when somebody else ended the session: what waits is answered first;
// - with INVALID_ARGUMENT, when open_session was not the first request, or not only the first;
// - and when the client is gone, the session is dropped at once.
//
// Threads: gRPC's and the lane's. The mutex is never held while the session is called. gRPC's StartRead and StartWrite
// only queue an operation and never call back from inside; they are called under it, so that none comes after Finish.
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

  // Lives until gRPC is done with it and nothing of it is left in a lane. `sessions` must outlive the server; `context`
  // is the call's, and `rpc` what it is counted by.
  static StreamCall* Start(SessionRegistry& sessions, const grpc::CallbackServerContext& context, RpcScope rpc);

  void OnReadDone(bool ok) override;
  // A write that failed is followed by OnCancel.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // One request, until its answer is written. They stand in the order of the requests, since a session that ends may
  // answer on two threads.
  struct Slot {
    size_t cost = 0;      // bytes that it may hold, request and answer
    bool posted = false;  // there is nothing but posted commands: nobody is told
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
  const grpc::CallbackServerContext& context_;  // to be asked only while there is an operation under way
  const Peer peer_;
  RpcScope rpc_;                      // whoever finishes the call tells it
  std::shared_ptr<StreamCall> self_;  // until OnDone
  bool first_ = true;                 // OnReadDone's: nothing has been read yet

  v1::StreamRequest request_;    // being read
  v1::StreamResponse response_;  // being written

  Mutex mutex_;
  SessionHandle session_ ABSL_GUARDED_BY(mutex_);
  std::string probe_ ABSL_GUARDED_BY(mutex_);     // unique id, once there is a session
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;  // or putting into the session what was read
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;  // there is nothing more to read
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);  // why the call ends, once it does
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mutex_);
  size_t awaited_ ABSL_GUARDED_BY(mutex_) = 0;  // slots that somebody is told of, and not answered
  std::chrono::steady_clock::time_point answered_at_ ABSL_GUARDED_BY(mutex_);
  ClientPace pace_ ABSL_GUARDED_BY(mutex_);
  uint64_t first_slot_ ABSL_GUARDED_BY(mutex_) = 0;  // the number of slots_.front()
  size_t cost_ ABSL_GUARDED_BY(mutex_) = 0;          // of all slots
};

}  // namespace probegate
