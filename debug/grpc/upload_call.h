// A call of UploadElf.
//
// Each part is written by a worker before the next one is read, so that a call holds one part at a time, and a disk
// that is slow makes the client wait. A call that makes no progress, or takes too long in all, is ended, and its file
// removed.
//
// Threads: gRPC's, a worker, the timers'.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "access/service/caller.h"
#include "base/mutex.h"
#include "debug/session.h"
#include "probegate/v1/debug_files.pb.h"

namespace probegate {

class UploadCall final : public grpc::ServerReadReactor<v1::UploadElfRequest>,
                         public std::enable_shared_from_this<UploadCall> {
 public:
  // The object deletes itself when gRPC is done with it. `context` must outlive the server; `response` is the
  // call's.
  static UploadCall* Start(const DebugContext& context, Caller caller, v1::UploadElfResponse& response);

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  using Clock = Timers::Clock;

  UploadCall(const DebugContext& context, Caller caller, v1::UploadElfResponse& response)
      : context_(context), caller_(std::move(caller)), response_(response) {}

  void Begin();
  void ReadNext();
  // On a worker.
  void Store(UploadStore::Incoming& incoming, const std::string& part);
  void Complete(UploadStore::Incoming& incoming);

  // Ends the call if it has made no progress, or takes too long; otherwise looks again later.
  void CheckProgress();
  // Removes the file before the client is told.
  void Discard(UploadStore::Incoming& incoming, const absl::Status& status);
  void Fail(const absl::Status& status);
  bool ended();

  const DebugContext& context_;
  const Caller caller_;
  v1::UploadElfResponse& response_;
  std::shared_ptr<UploadCall> self_;  // until OnDone
  v1::UploadElfRequest request_;      // being read
  std::atomic<bool> cancelled_ = false;
  std::shared_ptr<UploadStore::Incoming> incoming_;  // used and released by workers only, because both may block

  const Clock::time_point began_ = Clock::now();
  Mutex mutex_;
  Clock::time_point progress_ ABSL_GUARDED_BY(mutex_) = began_;  // when the last part had been stored
  std::string name_ ABSL_GUARDED_BY(mutex_);  // under which the store keeps the file; empty if it does not
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
