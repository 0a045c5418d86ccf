// The catalog knows every probe: the present ones, each with its lane, and those that were present earlier.
//
// Sources (server/catalog/probe_source.h) add probes as they find them. A probe that goes away keeps its row, marked
// "away" with the reason, so that a user who looks for the probe can read why it is missing. A probe that was found but
// cannot be used has such a row, too. Watchers are told only that a probe changed, and ask for its state themselves; so
// a slow watcher costs nothing and gets the latest state.
//
// Threads: any. Only Stop and the destructor block. Callbacks (ProbeWatcher, GoneCallback) are called on any thread,
// without a lock held, and must not block.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
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
#include "server/catalog/lane_observer.h"
#include "server/catalog/unserved_devices.h"
#include "server/lane/lane.h"
#include "server/metrics/probe_stats.h"
#include "server/metrics/server_metrics.h"
#include "telemetry/log.h"

namespace probegate {

struct CatalogOptions {
  LaneOptions lane;
  std::string host;  // this machine's name, for the probes' labels; empty if it is unknown
  // The unique IDs, or parts of them, of the probes to serve; empty for all.
  std::vector<std::string> uids;
  LaneObserver* observer = nullptr;  // may be null; must outlive the catalog
};

// Is told about changes.
class ProbeWatcher {
 public:
  virtual ~ProbeWatcher() = default;
  // The probe is new, or its state or usage changed. Catalog::Find returns its current state.
  virtual void OnProbeChanged(const std::string& unique_id) = 0;
  // The catalog has stopped: there will be no more changes.
  virtual void OnCatalogStopped(const absl::Status& why) = 0;
};

class Catalog final : public LaneEvents {
 public:
  // Called once, after an added probe has gone and has been destroyed; not called if the catalog stopped first.
  using GoneCallback = absl::AnyInvocable<void(const absl::Status& why)>;

  // `metrics` and `log` must outlive the catalog.
  Catalog(CatalogOptions options, ServerMetrics& metrics, Log& log);
  // Stops.
  ~Catalog() override;

  // Starts to serve a probe. `location` says where it is, e.g. "tcp:127.0.0.1:4441". If it returns an error, the probe
  // has been destroyed: kUnsupported if the options exclude the probe; kBusy if another probe with the same unique ID
  // is present, or is already selected by the same part of a unique ID in the options; kProbeDisconnected after Stop;
  // kInternal if the system cannot start a thread for the probe. The last may be tried again soon; the probe's row has
  // the reason.
  absl::Status Add(std::unique_ptr<Probe> probe, const std::string& location, GoneCallback on_gone);

  // Whether Add would accept a probe with this unique ID now; the errors are Add's.
  absl::Status Admits(const std::string& unique_id, const std::string& location) const;

  // Notes that a probe was found at `location` but cannot be used, and gives it a row marked "away". `problem` is the
  // reason, for people to read. Does nothing if the probe is present, or excluded by the options.
  void ReportAway(const ProbeInfo& info, const std::string& location, const std::string& problem);

  // Makes the probe's lane check at once whether the probe is still present.
  void CheckPresence(const std::string& unique_id) const;

  // Whether a caller may see a probe. Called with a lock held: it must not block or call back.
  using Visible = std::function<bool(const v1::ProbeDescription& probe)>;

  // The unique ID of the probe that `wanted` names: its whole unique ID, or a part that only this probe's ID contains
  // (case does not matter). Otherwise kNotFound, with a message that lists the candidates. Probes that are not visible
  // are treated as if they did not exist; null: all are.
  absl::StatusOr<std::string> Resolve(std::string_view wanted, const Visible& visible = nullptr) const;

  // The lane of the probe with exactly this unique ID. kProbeDisconnected, with the reason, while it is away.
  absl::StatusOr<std::shared_ptr<Lane>> FindLane(const std::string& unique_id) const;

  // The current state of one probe, or of every probe, ordered by unique ID.
  absl::StatusOr<v1::ProbeStatus> Find(const std::string& unique_id) const;
  std::vector<v1::ProbeStatus> List() const;
  // What is not served. A probe that is added is forgotten there.
  UnservedDevices& unserved() { return unserved_; }

  // The statistics of every probe.
  std::vector<ProbeStats> Stats() const;
  // Sets every probe's gauges to their current values, and drops the series of probes that have been away for a long
  // time. For MetricSet::BeforeExpose.
  void RefreshMetrics() const;

  // UNAVAILABLE, with the probes' unique IDs, if threads of probes have been busy with one thing for longer than
  // `bound`.
  absl::Status CheckLanes(std::chrono::milliseconds bound) const;

  // Tells all watchers about every probe, as if all had changed: what they may see is different now.
  void TellAll() const;

  // Tells `watcher` about every change from now on, until the watcher is destroyed.
  void Watch(std::weak_ptr<ProbeWatcher> watcher);

  // Ends every session with kProbeDisconnected and `why`, leaves all probes disconnected, and accepts no more probes.
  void Stop(const std::string& why);

  // LaneEvents.
  void OnProbeGone(const std::string& unique_id, const absl::Status& why) override;
  void OnUsageChanged(const std::string& unique_id) override;
  void OnProbeReset(const SessionSnapshot& by) override;
  void OnLockTaken(const SessionSnapshot& holder) override;
  void OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) override;

 private:
  struct Row {
    v1::ProbeDescription description;
    std::vector<v1::AppliedSetting> settings;
    std::string location;
    std::string problem;
    std::shared_ptr<Lane> lane;           // null while away
    std::weak_ptr<ProbeMetrics> metrics;  // expired once the probe has been away for a long time
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
  UnservedDevices unserved_;

  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Row> rows_ ABSL_GUARDED_BY(mutex_);  // by unique ID
  std::vector<std::weak_ptr<ProbeWatcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  std::deque<Retired> retired_ ABSL_GUARDED_BY(mutex_);

  // Stops the lanes of probes that are gone. A lane's own thread cannot do that, because it would have to join itself.
  std::thread retirer_;
};

}  // namespace probegate
