// ProbeDirectory.WatchProbes: one client that watches the catalog.
//
// The call keeps the IDs of the probes that changed since the client was last told about them, and asks the catalog for
// their state when it can write. So a client that does not read costs only a few IDs, and later gets the latest state.
// A probe that the client may not view is left out. If the access file changes, and the client may no longer view a
// probe, it is told that the probe is away, without anything else about it. If the client's token has expired
// (--token-grace), the call ends instead of telling it anything more.
//
// Threads: gRPC's and those that change the catalog. No gRPC function that is called with the mutex held calls back
// from inside.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "access/service/access_control.h"
#include "access/service/caller.h"
#include "base/mutex.h"
#include "base/quota.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/catalog/catalog.h"
#include "server/grpc/raw_service.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class WatchCall final : public RawService::Call, public ProbeWatcher {
 public:
  static constexpr char kMethod[] = "/probegate.v1.ProbeDirectory/WatchProbes";

  // The call lives until gRPC is done with it. It ends with RESOURCE_EXHAUSTED if its client has used up its quota of
  // `watches`. `catalog`, `access` and `watches` must outlive the server; `rpc` counts the call. Its request, which
  // says nothing, is not read.
  static WatchCall* Start(Catalog& catalog, const AccessControl& access, Quota& watches, Caller caller, RpcScope rpc);

  void OnProbeChanged(const std::string& unique_id) override;
  void OnCatalogStopped(const absl::Status& why) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  WatchCall(Catalog& catalog, const AccessControl& access, Caller caller, RpcScope rpc)
      : catalog_(catalog), access_(access), caller_(std::move(caller)), rpc_(std::move(rpc)) {}

  // What the client is told about a probe; nothing if it may not view it, and was never told about it.
  std::optional<v1::ProbeStatus> StatusFor(const std::string& unique_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void GoOn();
  void End(const grpc::Status& status);

  Catalog& catalog_;
  const AccessControl& access_;
  const Caller caller_;
  std::shared_ptr<WatchCall> self_;  // until OnDone
  Quota::Grant count_;

  Mutex mutex_;
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);  // unique ids
  std::set<std::string> told_ ABSL_GUARDED_BY(mutex_);     // those that the client knows
  // Set once all probes that existed at the start are in changed_. From then on, the snapshot is complete as soon as
  // changed_ is empty.
  bool snapshot_known_ ABSL_GUARDED_BY(mutex_) = false;
  bool snapshot_told_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  RpcScope rpc_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);  // the status to end the call with, once known
  grpc::ByteBuffer response_ ABSL_GUARDED_BY(mutex_);        // being written
};

}  // namespace probegate
