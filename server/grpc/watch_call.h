// ProbeDirectory.WatchProbes: one who watches the catalog.
//
// It keeps the names of the probes that changed since they were last told of, and asks the catalog when it can write:
// so a watcher that does not read costs a few names, and then reads the latest state.
//
// Threads: gRPC's and those that change the catalog. Nothing of gRPC that is called under the mutex calls back from
// inside.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "base/mutex.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/catalog/catalog.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class WatchCall final : public grpc::ServerWriteReactor<v1::WatchProbesResponse>, public ProbeWatcher {
 public:
  static constexpr char kMethod[] = "/probegate.v1.ProbeDirectory/WatchProbes";

  // Lives until gRPC is done with it. `catalog` must outlive the server; `rpc` is what the call is counted by.
  static WatchCall* Start(Catalog& catalog, RpcScope rpc);

  void OnProbeChanged(const std::string& unique_id) override;
  void OnCatalogStopped(const absl::Status& why) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  WatchCall(Catalog& catalog, RpcScope rpc) : catalog_(catalog), rpc_(std::move(rpc)) {}

  void GoOn();
  void End(const grpc::Status& status);

  Catalog& catalog_;
  std::shared_ptr<WatchCall> self_;  // until OnDone

  Mutex mutex_;
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);  // unique ids
  // Once all probes that there were at first have been put into changed_, the snapshot is complete when that is empty.
  bool snapshot_known_ ABSL_GUARDED_BY(mutex_) = false;
  bool snapshot_told_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  RpcScope rpc_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);   // with which the call ends, once it does
  v1::WatchProbesResponse response_ ABSL_GUARDED_BY(mutex_);  // being written
};

}  // namespace probegate
