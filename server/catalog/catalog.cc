#include "server/catalog/catalog.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/ignoring_case.h"
#include "base/one_line.h"
#include "probe/error.h"
#include "server/catalog/description.h"

namespace probegate {
namespace {

std::vector<v1::AppliedSetting> Settings(const ProbeInfo& info) {
  std::vector<v1::AppliedSetting> all;
  for (const AppliedSetting& applied : info.settings) {
    v1::AppliedSetting& setting = all.emplace_back();
    setting.set_setting(OneLine(applied.setting));
    setting.set_value(OneLine(applied.value));
    setting.set_from(OneLine(applied.from));
  }
  return all;
}

}  // namespace

Catalog::Catalog(CatalogOptions options, ServerMetrics& metrics, Log& log)
    : options_(std::move(options)), metrics_(metrics), log_(log), retirer_([this] { RetireLanes(); }) {}

Catalog::~Catalog() { Stop("the catalog was closed"); }

absl::Status Catalog::Add(std::unique_ptr<Probe> probe, const std::string& location, GoneCallback on_gone) {
  const v1::ProbeDescription description = Describe(probe->info(), options_.host);
  const std::string& unique_id = description.unique_id();
  std::shared_ptr<Lane> lane;  // if it is refused, the probe is destroyed after the lock is released
  absl::Status started;
  {
    MutexLock lock(mutex_);
    if (absl::Status admitted = Admit(unique_id, location); !admitted.ok()) return admitted;
    Row& row = rows_[unique_id];
    row.description = description;
    row.settings = Settings(probe->info());
    row.location = location;
    row.problem.clear();
    unserved_.Forget(location, unique_id);
    const auto metrics = metrics_.OnProbeHere(description);
    row.metrics = metrics;
    lane = Lane::Make(std::move(probe), {.options = options_.lane, .events = *this, .metrics = metrics, .log = log_});
    // With the lock held, so that the lane's callbacks find the row.
    started = lane->Start();
    if (started.ok()) {
      row.on_gone = std::move(on_gone);
      row.lane = std::move(lane);
    } else {
      row.problem = OneLine({started.message().data(), started.message().size()});
      metrics_.OnProbeGone(unique_id);
    }
  }
  if (!started.ok()) {
    TellWatchers(unique_id);
    return started;
  }
  log_.Info("probe.connected", {{"probe", unique_id},
                                {"description", description.description()},
                                {"firmware", description.firmware_version()},
                                {"location", location}});
  TellWatchers(unique_id);
  return absl::OkStatus();
}

absl::Status Catalog::Admits(const std::string& unique_id, const std::string& location) const {
  MutexLock lock(mutex_);
  return Admit(CleanUniqueId(unique_id), location);
}

void Catalog::ReportAway(const ProbeInfo& info, const std::string& location, const std::string& problem) {
  const v1::ProbeDescription description = Describe(info, options_.host);
  const std::string& unique_id = description.unique_id();
  {
    MutexLock lock(mutex_);
    if (!Admit(unique_id, location).ok()) return;
    Row& row = rows_[unique_id];
    // An earlier description came from the probe itself and says more than what is known now.
    if (row.description.unique_id().empty()) {
      row.description = description;
      row.settings = Settings(info);
    }
    row.location = location;
    row.problem = OneLine(problem);
  }
  TellWatchers(unique_id);
}

void Catalog::CheckPresence(const std::string& unique_id) const {
  MutexLock lock(mutex_);
  const auto found = rows_.find(CleanUniqueId(unique_id));
  if (found != rows_.end() && found->second.lane != nullptr) found->second.lane->CheckPresence();
}

absl::Status Catalog::Admit(const std::string& unique_id, const std::string& location) const {
  if (stopping_) return MakeError(ErrorKind::kProbeDisconnected, "the server is shutting down");
  if (unique_id.empty()) {
    return MakeError(ErrorKind::kUnsupported, absl::StrCat("the probe at ", location, " has no unique ID"));
  }
  const auto found = rows_.find(unique_id);
  if (found != rows_.end() && found->second.lane != nullptr) {
    return MakeError(ErrorKind::kBusy, absl::StrCat("the probe at ", location, " has the same unique ID, ", unique_id,
                                                    ", as the probe at ", found->second.location));
  }
  return AdmitByOptions(unique_id);
}

absl::Status Catalog::AdmitByOptions(const std::string& unique_id) const {
  const auto listed = [this](const std::string& id) {
    return std::any_of(options_.uids.begin(), options_.uids.end(),
                       [&](const auto& uid) { return EqualsIgnoringCase(uid, id); });
  };
  if (options_.uids.empty() || listed(unique_id)) return absl::OkStatus();
  absl::Status refused =
      MakeError(ErrorKind::kUnsupported, absl::StrCat("probe ", unique_id, " is not selected by --uid"));
  for (const std::string& uid : options_.uids) {
    if (!ContainsIgnoringCase(unique_id, uid)) continue;
    const auto other = std::find_if(rows_.begin(), rows_.end(), [&](const auto& row) {
      return row.first != unique_id && !listed(row.first) && ContainsIgnoringCase(row.first, uid);
    });
    if (other == rows_.end()) return absl::OkStatus();
    refused =
        MakeError(ErrorKind::kBusy, absl::StrCat("probe ", unique_id, " is not served: --uid ", uid,
                                                 " already selects ", other->first, "; give the whole unique ID"));
  }
  return refused;
}

absl::StatusOr<std::string> Catalog::Resolve(std::string_view wanted, const Visible& visible) const {
  MutexLock lock(mutex_);
  std::vector<std::string> matches;
  std::vector<std::string> all;
  for (const auto& [unique_id, row] : rows_) {
    if (visible && !visible(row.description)) continue;
    if (EqualsIgnoringCase(unique_id, wanted)) return unique_id;
    if (ContainsIgnoringCase(unique_id, wanted)) matches.push_back(unique_id);
    all.push_back(unique_id);
  }
  if (matches.size() == 1) return matches.front();
  const std::string name = OneLine(wanted, kMaxProbeText);
  if (!matches.empty()) {
    const std::string question =
        name.empty() ? "there are several probes, name one" : absl::StrCat("several probes match \"", name, "\"");
    return MakeError(ErrorKind::kNotFound, absl::StrCat(question, ": ", absl::StrJoin(matches, ", ")));
  }
  const std::string there = all.empty() ? "none" : absl::StrJoin(all, ", ");
  return MakeError(ErrorKind::kNotFound, name.empty()
                                             ? std::string("there is no probe")
                                             : absl::StrCat("no probe matches \"", name, "\"; there are: ", there));
}

absl::StatusOr<std::shared_ptr<Lane>> Catalog::FindLane(const std::string& unique_id) const {
  MutexLock lock(mutex_);
  const auto found = rows_.find(unique_id);
  if (found == rows_.end()) return MakeError(ErrorKind::kNotFound, absl::StrCat("no probe ", unique_id));
  if (found->second.lane == nullptr) {
    return MakeError(ErrorKind::kProbeDisconnected,
                     absl::StrCat("probe ", unique_id, " is away: ", found->second.problem));
  }
  return found->second.lane;
}

absl::StatusOr<v1::ProbeStatus> Catalog::Find(const std::string& unique_id) const {
  MutexLock lock(mutex_);
  const auto found = rows_.find(unique_id);
  if (found == rows_.end()) return MakeError(ErrorKind::kNotFound, absl::StrCat("no probe ", unique_id));
  return StatusOf(found->second);
}

std::vector<v1::ProbeStatus> Catalog::List() const {
  MutexLock lock(mutex_);
  std::vector<v1::ProbeStatus> all;
  for (const auto& [unique_id, row] : rows_) all.push_back(StatusOf(row));
  return all;
}

v1::ProbeStatus Catalog::StatusOf(const Row& row) { return StatsOf(row).status; }

ProbeStats Catalog::StatsOf(const Row& row) {
  ProbeStats stats;
  *stats.status.mutable_description() = row.description;
  stats.status.set_location(row.location);
  stats.status.set_problem(row.problem);
  for (const v1::AppliedSetting& setting : row.settings) *stats.status.add_settings() = setting;
  stats.status.set_state(v1::PROBE_STATE_AWAY);
  if (row.lane != nullptr) {
    const LaneUsage usage = row.lane->usage();
    stats.status.set_state(usage.sessions_open > 0 ? v1::PROBE_STATE_IN_USE : v1::PROBE_STATE_IDLE);
    stats.status.set_session_count(static_cast<uint32_t>(usage.sessions));
    stats.queue_depth = usage.queued;
    stats.lock_held = usage.lock_held;
    stats.lock_waiters = usage.lock_waiters;
  }
  return stats;
}

std::vector<ProbeStats> Catalog::Stats() const {
  metrics_.DropExpired();
  MutexLock lock(mutex_);
  std::vector<ProbeStats> all;
  for (const auto& [unique_id, row] : rows_) {
    all.push_back(StatsOf(row));
    if (const auto metrics = row.metrics.lock()) metrics->AddTotals(all.back());
  }
  return all;
}

void Catalog::RefreshMetrics() const {
  metrics_.DropExpired();
  MutexLock lock(mutex_);
  for (const auto& [unique_id, row] : rows_) {
    if (const auto metrics = row.metrics.lock()) metrics->SetGauges(StatsOf(row));
  }
}

absl::Status Catalog::CheckLanes(std::chrono::milliseconds bound) const {
  std::string hanging;
  MutexLock lock(mutex_);
  for (const auto& [unique_id, row] : rows_) {
    if (row.lane == nullptr || row.lane->BusyFor() <= bound) continue;
    const auto busy = std::chrono::duration_cast<std::chrono::seconds>(row.lane->BusyFor());
    absl::StrAppend(&hanging, hanging.empty() ? "" : ", ", unique_id, " (", busy.count(), " s)");
  }
  return hanging.empty() ? absl::OkStatus() : absl::UnavailableError(hanging);
}

void Catalog::Watch(std::weak_ptr<ProbeWatcher> watcher) {
  MutexLock lock(mutex_);
  std::erase_if(watchers_, [](const auto& known) { return known.expired(); });
  watchers_.push_back(std::move(watcher));
}

std::vector<std::shared_ptr<ProbeWatcher>> Catalog::Watchers() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<ProbeWatcher>> watchers;
  for (const auto& known : watchers_) {
    if (auto watcher = known.lock()) watchers.push_back(std::move(watcher));
  }
  return watchers;
}

void Catalog::TellWatchers(const std::string& unique_id) const {
  for (const auto& watcher : Watchers()) watcher->OnProbeChanged(unique_id);
}

void Catalog::TellAll() const {
  for (const v1::ProbeStatus& probe : List()) TellWatchers(probe.description().unique_id());
}

void Catalog::OnProbeGone(const std::string& unique_id, const absl::Status& why) {
  std::string location;
  {
    MutexLock lock(mutex_);
    const auto found = rows_.find(unique_id);
    // If Stop has taken the lane, the row has none any more.
    if (found == rows_.end() || found->second.lane == nullptr) return;
    Row& row = found->second;
    row.problem = OneLine({why.message().data(), why.message().size()});
    location = row.location;
    retired_.push_back({std::move(row.lane), why, std::move(row.on_gone)});
    row.lane = nullptr;
    metrics_.OnProbeGone(unique_id);
    wake_.NotifyAll();
  }
  log_.Warning("probe.gone", {{"probe", unique_id}, {"location", location}, {"reason", std::string(why.message())}});
  TellWatchers(unique_id);
}

void Catalog::OnUsageChanged(const std::string& unique_id) { TellWatchers(unique_id); }

void Catalog::OnProbeReset(const SessionSnapshot& by) {
  if (options_.observer != nullptr) options_.observer->OnProbeReset(by);
}

void Catalog::OnLockTaken(const SessionSnapshot& holder) {
  if (options_.observer != nullptr) options_.observer->OnLockTaken(holder);
}

void Catalog::OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) {
  log_.Warning("lock.broken", {{"probe", holder.probe},
                               {"holder_session", holder.name},
                               {"waiter_session", waiter.name},
                               {"holder", DescribeClient(holder)},
                               {"waiter", DescribeClient(waiter)}});
  if (options_.observer != nullptr) options_.observer->OnLockBroken(holder, waiter);
}

void Catalog::RetireLanes() {
  while (true) {
    Retired retired;
    {
      MutexLock lock(mutex_);
      while (retired_.empty() && !stopping_) wake_.Wait(mutex_);
      if (retired_.empty()) return;
      retired = std::move(retired_.front());
      retired_.pop_front();
    }
    retired.lane->Stop(retired.why);
    retired.lane = nullptr;
    retired.on_gone(retired.why);
  }
}

void Catalog::Stop(const std::string& why) {
  std::vector<std::shared_ptr<Lane>> lanes;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    for (auto& [unique_id, row] : rows_) {
      if (row.lane == nullptr) continue;
      row.problem = why;
      lanes.push_back(std::move(row.lane));
      row.lane = nullptr;
    }
    wake_.NotifyAll();
  }
  const absl::Status reason = MakeError(ErrorKind::kProbeDisconnected, why);
  // All at the same time, because each may have to wait for its probe's last answer; one after another if the system
  // has no threads left.
  std::vector<std::future<void>> stops;
  stops.reserve(lanes.size());
  for (const auto& lane : lanes) stops.push_back(std::async([&lane, &reason] { lane->Stop(reason); }));
  for (std::future<void>& stop : stops) stop.get();
  for (const auto& watcher : Watchers()) watcher->OnCatalogStopped(reason);
  retirer_.join();
}

}  // namespace probegate
