// DebugProbe.Stream: a stream that is a session.
//
// Requests are read, and submitted to the session, as long as the unanswered ones stay within bounds. The lane's thread
// delivers the answers, which are written in the order of the requests. If a client waits for each answer
// (server/grpc/client_pace.h), the next read starts only after that answer: a read wakes up both ends (an HTTP/2 window
// update), just when the lane should be busy with the probe.
//
// Messages are read as raw bytes. What a request and its answer take in memory is taken from the client's share first
// (server/commands/request_cost.h); a request that does not fit waits, unparsed, and the stream is not read until there
// is room. HTTP/2's flow control then slows down the client. The call ends
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

#include "access/service/caller.h"
#include "base/mutex.h"
#include "base/protobuf/parsed_size.h"
#include "base/quota.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/grpc/client_pace.h"
#include "server/grpc/raw_service.h"
#include "server/sessions/session_registry.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class StreamCall final : public RawService::Call, public std::enable_shared_from_this<StreamCall> {
 public:
  static constexpr char kMethod[] = "/probegate.v1.DebugProbe/Stream";

  // What all streams need. All of it must outlive the server.
  struct Shared {
    SessionRegistry& sessions;
    Quota& memory;              // in bytes
    const ParsedSize& request;  // of v1::StreamRequest
  };

  // The call lives until gRPC is done with it and no lane holds any of its callbacks. `context` is the call's context,
  // and `rpc` counts the call.
  static StreamCall* Start(const Shared& shared, const grpc::CallbackServerContext& context, Caller caller,
                           RpcScope rpc);

  void OnReadDone(bool ok) override;
  // OnCancel follows a failed write, so `ok` is not needed.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // One request, until its answer is written. Slots keep the order of the requests, because a session that ends may
  // answer on two threads.
  struct Slot {
    size_t cost = 0;       // bytes of the request and its answer, estimated
    size_t uncounted = 0;  // memory in bytes that is not in the quota (kUncountedBytes)
    Quota::Grant memory;   // the memory that is
    bool posted = false;   // it consists of posted commands only: no answer is written
    bool answered = false;
    v1::StreamResponse response;
  };

  StreamCall(const Shared& shared, const grpc::CallbackServerContext& context, Caller caller, RpcScope rpc)
      : shared_(shared), context_(context), caller_(std::move(caller)), rpc_(std::move(rpc)), client_(caller_.key) {}

  // --- What was read, by the thread that has read it

  // Acts on message_, or waits for room.
  void HandleMessage();
  // True if there is room for `bytes` of memory, in room_. If not, HandleMessage is called again once there is.
  bool MakeRoom(size_t bytes);
  void TryAgain();
  void OpenSession(const v1::StreamRequest& request);
  void Submit(v1::StreamRequest request, size_t wire_bytes);
  // message_ has been dealt with.
  void DoneReading();

  void Answer(uint64_t number, v1::StreamResponse response);
  uint64_t TakeSlot(Slot slot);
  void FreeSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnSessionEnded(const absl::Status& why);
  void End(const absl::Status& why);
  void GoOn();
  void ReadNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<grpc::Status> FinishIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Shared shared_;
  const grpc::CallbackServerContext& context_;  // valid only while an operation is in progress
  const Caller caller_;
  RpcScope rpc_;                      // told the status when the call finishes
  std::shared_ptr<StreamCall> self_;  // until OnDone

  grpc::ByteBuffer outgoing_;  // being written

  // The reader's: of OnReadDone, and of TryAgain while a message waits for room.
  grpc::ByteBuffer message_;  // being read, or dealt with
  bool first_ = true;         // nothing has been read yet
  std::string client_;        // whose share of memory it is (SessionOwner::key)
  Slot room_;                 // for message_

  Mutex mutex_;
  SessionHandle session_ ABSL_GUARDED_BY(mutex_);
  std::string probe_ ABSL_GUARDED_BY(mutex_);         // unique ID, once there is a session
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;      // or dealing with what was read
  bool awaits_room_ ABSL_GUARDED_BY(mutex_) = false;  // for what was read
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
  size_t uncounted_ ABSL_GUARDED_BY(mutex_) = 0;     // of all slots
};

}  // namespace probegate
