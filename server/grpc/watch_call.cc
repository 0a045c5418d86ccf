#include "server/grpc/watch_call.h"

#include <utility>

#include "probe/error.h"
#include "server/access/errors.h"
#include "server/access/messages.h"
#include "server/grpc/messages.h"
#include "server/grpc/status.h"

namespace probegate {

WatchCall* WatchCall::Start(Catalog& catalog, const AccessControl& access, Quota& watches, Caller caller,
                            RpcScope rpc) {
  std::shared_ptr<WatchCall> call(new WatchCall(catalog, access, std::move(caller), std::move(rpc)));
  call->self_ = call;
  auto count = watches.Take(call->caller_.key, 1, call->caller_.limits.connections);
  if (!count.ok()) {
    call->End(ToGrpcStatus(MakeError(ErrorKind::kBusy, std::string(count.status().message()))));
    return call.get();
  }
  call->count_ = *std::move(count);
  // Watch first, then list: a change in between is then reported twice instead of being missed.
  catalog.Watch(call);
  for (const v1::ProbeStatus& probe : catalog.List()) call->OnProbeChanged(probe.description().unique_id());
  {
    MutexLock lock(call->mutex_);
    call->snapshot_known_ = true;
  }
  call->GoOn();
  return call.get();
}

void WatchCall::OnProbeChanged(const std::string& unique_id) {
  {
    MutexLock lock(mutex_);
    changed_.insert(unique_id);
  }
  GoOn();
}

std::optional<v1::ProbeStatus> WatchCall::StatusFor(const std::string& unique_id) {
  // Find cannot fail: the catalog never removes a probe's row.
  v1::ProbeStatus status = *catalog_.Find(unique_id);
  if (access_.MayView(caller_, NamesOf(status.description()))) {
    told_.insert(unique_id);
    return status;
  }
  if (told_.erase(unique_id) == 0) return std::nullopt;
  v1::ProbeStatus hidden;
  hidden.mutable_description()->set_unique_id(unique_id);
  hidden.set_state(v1::PROBE_STATE_AWAY);
  hidden.set_problem("the access file no longer allows this client to view the probe");
  return hidden;
}

void WatchCall::GoOn() {
  MutexLock lock(mutex_);
  if (writing_ || finished_) return;
  const absl::Status expired = access_.CheckToken(caller_);
  if (!end_ && !expired.ok()) end_ = ToGrpcStatus(ToError(expired));
  if (end_) {
    finished_ = true;
    rpc_.Finish(end_->error_code());
    Finish(*end_);
    return;
  }
  v1::WatchProbesResponse event;
  while (!changed_.empty() && !event.has_changed()) {
    if (auto status = StatusFor(changed_.extract(changed_.begin()).value())) *event.mutable_changed() = *status;
  }
  if (event.has_changed()) {
    // It is written below.
  } else if (snapshot_known_ && !snapshot_told_) {
    snapshot_told_ = true;
    event.set_snapshot_complete(true);
  } else {
    return;
  }
  writing_ = true;
  response_ = Serialize(event);
  StartWrite(&response_);
}

void WatchCall::OnWriteDone(bool) {
  {
    MutexLock lock(mutex_);
    writing_ = false;
  }
  GoOn();
}

void WatchCall::OnCancel() { End(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone")); }

void WatchCall::OnCatalogStopped(const absl::Status& why) { End(ToGrpcStatus(why)); }

void WatchCall::End(const grpc::Status& status) {
  {
    MutexLock lock(mutex_);
    if (!end_) end_ = status;
  }
  GoOn();
}

void WatchCall::OnDone() { const std::shared_ptr<WatchCall> last = std::move(self_); }

}  // namespace probegate
