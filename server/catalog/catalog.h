// The catalog knows which probes there are: those that are there, each with its lane, and those that were.
//
// Sources (server/catalog/probe_source.h) add probes as they find them. A probe that goes keeps its row, as "away", so
// that whoever looks for it reads why it is not there; so has one that was found and cannot be had. Watchers are told
// that a probe changed and ask for its state themselves: so a slow one costs nothing but the latest state.
//
// Threads: any. Only Stop and the destructor block. Callbacks (WatchProbe, GoneCallback) come without a lock held, from
// any thread, and must not block.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "probe/probe.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/lane/lane.h"
#include "server/metrics/probe_stats.h"
#include "server/metrics/server_metrics.h"
#include "telemetry/log.h"

namespace probegate {

struct CatalogOptions {
  LaneOptions lane;
  // Unique ids, or parts of them, of the probes to serve; empty for all.
  std::vector<std::string> uids;
};

// Wants to know of changes.
class ProbeWatcher {
 public:
  virtual ~ProbeWatcher() = default;
  // The probe is new, or its state or usage changed; Catalog::Find tells how it is now.
  virtual void OnProbeChanged(const std::string& unique_id) = 0;
  // Nothing will change any more.
  virtual void OnCatalogStopped(const absl::Status& why) = 0;
};

class Catalog final : public LaneEvents {
 public:
  // Called once, when an added probe is gone and has been let go entirely; not where the catalog stopped.
  using GoneCallback = absl::AnyInvocable<void(const absl::Status& why)>;

  // `metrics` and `log` must outlive the catalog.
  Catalog(CatalogOptions options, ServerMetrics& metrics, Log& log);
  // Stops.
  ~Catalog() override;

  // Starts to serve a probe. `location` is where it is, e.g. "tcp:127.0.0.1:4441".
  // kUnsupported where the options leave it out; kBusy where another probe of the same unique id is there, or stands
  // for the same part of one in the options; kProbeDisconnected once stopped; kInternal where the system gives no
  // thread for it, which may be tried again soon: its row says so. Then the probe is destroyed.
  absl::Status Add(std::unique_ptr<Probe> probe, const std::string& location, GoneCallback on_gone);

  // Whether a probe of this unique id would be added now; the errors are Add's.
  absl::Status Admits(const std::string& unique_id, const std::string& location) const;

  // A probe that is found at `location` and cannot be used, for a reason to be read by a person, has a row: away. One
  // that is there, or left out by the options, stays as it is.
  void ReportAway(const ProbeInfo& info, const std::string& location, const std::string& problem);

  // Has the probe looked after at once: it may have gone.
  void CheckPresence(const std::string& unique_id) const;

  // The unique id of the probe that `wanted` names: its unique id, or a part of it that no other has (letters of either
  // case are the same). kNotFound otherwise, with a message that lists what there is.
  absl::StatusOr<std::string> Resolve(std::string_view wanted) const;

  // The lane of the probe of exactly this unique id. kProbeDisconnected, with the reason, while it is away.
  absl::StatusOr<std::shared_ptr<Lane>> FindLane(const std::string& unique_id) const;

  // How a probe is now; every probe, ordered by unique id.
  absl::StatusOr<v1::ProbeStatus> Find(const std::string& unique_id) const;
  std::vector<v1::ProbeStatus> List() const;

  // The same in numbers.
  std::vector<ProbeStats> Stats() const;
  // Sets every probe's gauges to how it is now, and drops the series of those that have been away for long. For
  // MetricSet::BeforeExpose.
  void RefreshMetrics() const;

  // Tells `watcher` of every change from now on, until it is destroyed.
  void Watch(std::weak_ptr<ProbeWatcher> watcher);

  // Ends every session with kProbeDisconnected and `why`, leaves all probes disconnected, and takes no more.
  void Stop(const std::string& why);

  // LaneEvents.
  void OnProbeGone(const std::string& unique_id, const absl::Status& why) override;
  void OnUsageChanged(const std::string& unique_id) override;
  void OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) override;

 private:
  struct Row {
    v1::ProbeDescription description;
    std::string location;
    std::string problem;
    std::shared_ptr<Lane> lane;           // null while away
    std::weak_ptr<ProbeMetrics> metrics;  // gone once it has been away for long
    GoneCallback on_gone;
  };
  struct Retired {
    std::shared_ptr<Lane> lane;
    absl::Status why;
    GoneCallback on_gone;
  };

  absl::Status Admit(const std::string& unique_id, const std::string& location) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AdmitByOptions(const std::string& unique_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static v1::ProbeStatus StatusOf(const Row& row);
  static ProbeStats StatsOf(const Row& row);
  std::vector<std::shared_ptr<ProbeWatcher>> Watchers() const;
  void TellWatchers(const std::string& unique_id) const;
  void RetireLanes();

  const CatalogOptions options_;
  ServerMetrics& metrics_;
  Log& log_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Row> rows_ ABSL_GUARDED_BY(mutex_);  // by unique id
  std::vector<std::weak_ptr<ProbeWatcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  std::deque<Retired> retired_ ABSL_GUARDED_BY(mutex_);

  // Stops the lanes of probes that are gone, which their own threads cannot.
  std::thread retirer_;
};

}  // namespace probegate
