#include "debug/grpc/upload_call.h"

#include <algorithm>
#include <utility>

#include "base/grpc/to_status.h"
#include "debug/grpc/message_limits.h"

namespace probegate {

UploadCall* UploadCall::Start(const DebugContext& context, Caller caller, v1::UploadElfResponse& response) {
  std::shared_ptr<UploadCall> started(new UploadCall(context, std::move(caller), response));
  started->Begin();
  return started.get();
}

void UploadCall::Begin() {
  self_ = shared_from_this();
  auto incoming = context_.sources.uploads.Begin(caller_);
  if (!incoming.ok()) return Fail(incoming.status());
  incoming_ = *std::move(incoming);
  CheckProgress();
  ReadNext();
}

void UploadCall::ReadNext() {
  const auto read = [this] {
    MutexLock lock(mutex_);
    if (!ended_) StartRead(&request_);
  };
  context_.quotas.memory.WhenRoom(caller_.key, kMaxDebugMessageBytes, weak_from_this(), read, caller_.limits.bytes);
}

void UploadCall::OnReadDone(bool ok) {
  if (!ok) {
    return context_.work_disk.Run([self = shared_from_this(), incoming = incoming_] { self->Complete(*incoming); });
  }
  auto part = std::make_shared<std::string>(std::move(*request_.mutable_data()));
  // Clear would keep the memory that the message took.
  request_ = v1::UploadElfRequest();
  context_.metrics.upload_bytes.Add(static_cast<double>(part->size()));
  auto memory = std::make_shared<Quota::Grant>(context_.quotas.memory.TakeAnyway(caller_.key, part->size()));
  context_.work_disk.Run(
      [self = shared_from_this(), incoming = incoming_, part = std::move(part), memory = std::move(memory)]() mutable {
        self->Store(*incoming, *part);
        part = nullptr;
        memory = nullptr;
        self->ReadNext();
      });
}

void UploadCall::Store(UploadStore::Incoming& incoming, const std::string& part) {
  if (ended()) return;
  if (const absl::Status status = incoming.Append(part); !status.ok()) return Discard(incoming, status);
  MutexLock lock(mutex_);
  if (!part.empty()) progress_ = Clock::now();
}

void UploadCall::Complete(UploadStore::Incoming& incoming) {
  if (ended()) return;
  const auto name = incoming.Finish();
  if (!name.ok()) return Discard(incoming, name.status());
  {
    MutexLock lock(mutex_);
    if (!std::exchange(ended_, true)) {
      name_ = *name;
      response_.set_import_file(name_);
      response_.set_size_bytes(incoming.size());
      return Finish(grpc::Status::OK);
    }
  }
  context_.sources.uploads.Drop(*name);
}

void UploadCall::CheckProgress() {
  const auto& limits = context_.limits;
  Clock::time_point next;
  {
    MutexLock lock(mutex_);
    next = std::min(progress_ + limits.upload_pause, began_ + limits.upload_time);
  }
  const Clock::time_point now = Clock::now();
  if (now >= began_ + limits.upload_time) {
    return Fail(absl::DeadlineExceededError("the upload took longer than allowed (--upload-time)"));
  }
  if (now >= next)
    return Fail(absl::DeadlineExceededError("the upload made no progress for too long (--upload-pause)"));
  context_.timers.At(next, weak_from_this(), [this] { CheckProgress(); });
}

void UploadCall::Discard(UploadStore::Incoming& incoming, const absl::Status& status) {
  incoming.Discard();
  Fail(status);
}

void UploadCall::Fail(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (!std::exchange(ended_, true)) Finish(ToStatus(status));
}

bool UploadCall::ended() {
  MutexLock lock(mutex_);
  return ended_;
}

void UploadCall::OnCancel() {
  cancelled_ = true;
  Fail(absl::CancelledError("the client is gone"));
}

void UploadCall::OnDone() {
  const std::shared_ptr<UploadCall> last = std::move(self_);
  std::string name;
  {
    MutexLock lock(mutex_);
    name = name_;
  }
  // When reading ends, it is not known whether the client has sent everything or is gone. If it is gone, it has not
  // been told the name, so no session will take the file.
  if (cancelled_ && !name.empty()) context_.sources.uploads.Drop(name);
  context_.work_disk.Run([incoming = std::move(incoming_)]() mutable { incoming = nullptr; });
}

}  // namespace probegate
