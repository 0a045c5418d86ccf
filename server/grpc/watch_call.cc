#include "server/grpc/watch_call.h"

#include <utility>

#include "base/grpc/connection_facts.h"
#include "probe/error.h"
#include "server/grpc/messages.h"
#include "server/grpc/status.h"

namespace probegate {

WatchCall* WatchCall::Start(Catalog& catalog, Quota& watches, const grpc::CallbackServerContext& context,
                            RpcScope rpc) {
  std::shared_ptr<WatchCall> call(new WatchCall(catalog, std::move(rpc)));
  call->self_ = call;
  auto count = watches.Take(PeerOf(context).client, 1);
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

void WatchCall::GoOn() {
  MutexLock lock(mutex_);
  if (writing_ || finished_) return;
  if (end_) {
    finished_ = true;
    rpc_.Finish(end_->error_code());
    Finish(*end_);
    return;
  }
  v1::WatchProbesResponse event;
  if (!changed_.empty()) {
    // Find cannot fail: the catalog never removes a probe's row.
    *event.mutable_changed() = *catalog_.Find(changed_.extract(changed_.begin()).value());
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
