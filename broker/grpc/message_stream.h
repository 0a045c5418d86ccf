// A stream of messages in both directions, for calls in which both sides speak whenever they have something to say.
//
// What the program says waits until the client has taken what was said before. A client that takes nothing is cut off
// before much waits. What the client says is passed on as it comes, up to a number of messages that have not been dealt
// with.
//
// Threads: any. gRPC's functions are called with the mutex held; none of them calls back from inside.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "base/grpc/to_status.h"
#include "base/mutex.h"

namespace probegate::broker {

template <typename Request, typename Response>
class MessageStream : public grpc::ServerBidiReactor<Request, Response>,
                      public std::enable_shared_from_this<MessageStream<Request, Response>> {
 public:
  // To be called once, when the object is owned by a std::shared_ptr. It keeps itself until gRPC is done with it.
  void Begin() {
    self_ = this->shared_from_this();
    this->StartRead(&request_);
  }

  void OnReadDone(bool ok) final {
    // The end of the requests means nothing: how the call ends is told by OnCancel.
    if (!ok) return;
    Request request = std::exchange(request_, Request());
    {
      MutexLock lock(mutex_);
      reading_ = ++unfinished_ < kMostUnfinished;
      if (reading_) this->StartRead(&request_);
    }
    OnRequest(std::move(request));
  }

  void OnWriteDone(bool /*ok*/) final {
    MutexLock lock(mutex_);
    writing_ = false;
    GoOn();
  }

  void OnCancel() final { Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone")); }

  void OnDone() final {
    OnGone();
    const auto last = std::move(self_);
  }

 protected:
  explicit MessageStream(grpc::CallbackServerContext& context) : context_(context) {}

  // A message has come. Finished is to be called once it has been dealt with.
  virtual void OnRequest(Request request) = 0;
  // The call is over. The last function that is called.
  virtual void OnGone() = 0;
  // Whether `next` makes `last`, which has not been sent yet, superfluous.
  virtual bool Replaces(const Response& last, const Response& next) const = 0;

  void Finished() {
    MutexLock lock(mutex_);
    --unfinished_;
    if (reading_ || end_) return;
    reading_ = true;
    this->StartRead(&request_);
  }

  void Send(const Response& response) {
    MutexLock lock(mutex_);
    if (end_) return;
    if (!waiting_.empty() && Replaces(waiting_.back(), response)) waiting_.pop_back();
    waiting_.push_back(response);
    if (waiting_.size() > kMostWaiting) return CutOff();
    GoOn();
  }

  // The call ends with this status, after what was sent.
  void Finish(const grpc::Status& status) {
    MutexLock lock(mutex_);
    if (end_) return;
    end_ = status;
    if (status.error_code() == grpc::StatusCode::CANCELLED) waiting_.clear();
    GoOn();
  }

 private:
  static constexpr size_t kMostUnfinished = 64;
  static constexpr size_t kMostWaiting = 16'384;

  void CutOff() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    waiting_.clear();
    end_ = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the client does not read what it is told");
    context_.TryCancel();
    GoOn();
  }

  void GoOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return;
    if (!waiting_.empty()) {
      writing_ = true;
      response_ = std::move(waiting_.front());
      waiting_.pop_front();
      this->StartWrite(&response_);
    } else if (end_) {
      finished_ = true;
      grpc::ServerBidiReactor<Request, Response>::Finish(*end_);
    }
  }

  grpc::CallbackServerContext& context_;
  std::shared_ptr<MessageStream> self_;  // until OnDone
  Request request_;                      // being read

  Mutex mutex_;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
  size_t unfinished_ ABSL_GUARDED_BY(mutex_) = 0;  // requests
  std::deque<Response> waiting_ ABSL_GUARDED_BY(mutex_);
  Response response_ ABSL_GUARDED_BY(mutex_);  // being written
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate::broker
