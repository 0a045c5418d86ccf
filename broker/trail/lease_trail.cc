#include "broker/trail/lease_trail.h"

#include <cstdint>
#include <initializer_list>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "broker/trail/metric_rows.h"

namespace probegate::broker {
namespace {

double Seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

int64_t WholeSeconds(std::chrono::milliseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

}  // namespace

std::string ReasonName(v1::EndReason reason) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::EndReason_Name(reason), "END_REASON_"));
}

LeaseTrail::PoolSeries::PoolSeries(MetricSet& metrics, const std::string& pool)
    : leases(metrics, rows::kLeases, {pool}),
      waiting(metrics, rows::kWaiting, {pool}),
      in_service(metrics, rows::kProbes, {pool, "in_service"}),
      maintenance(metrics, rows::kProbes, {pool, "maintenance"}),
      grants(metrics, rows::kGrants, {pool}),
      wait(metrics, rows::kWait, {pool}) {}

LeaseTrail::LeaseTrail(const std::vector<std::string>& pools, Log& log, MetricSet& metrics, AuditLog* audit)
    : log_(log),
      audit_(audit),
      servers_(metrics, rows::kServers),
      stored_(metrics, rows::kStored),
      store_failures_(metrics, rows::kStoreFailures) {
  for (const std::string& pool : pools) pools_.try_emplace(pool, metrics, pool);
  for (int reason = v1::END_REASON_RELEASED; reason <= v1::EndReason_MAX; ++reason) {
    ended_.emplace_back(metrics, rows::kEnded, LabelValues{ReasonName(static_cast<v1::EndReason>(reason))});
  }
}

void LeaseTrail::Audit(AuditEvent event, const Requester& who) {
  if (audit_ == nullptr) return;
  event.SetIdentity(who.identity);
  audit_->Write(event);
}

void LeaseTrail::OnQueued(const LeaseEvent& event) {
  log_.Debug("lease.queued", {{"lease", event.lease}, {"holder", event.holder.identity.Text()}, {"pool", event.pool}});
}

void LeaseTrail::OnGranted(const LeaseEvent& event) {
  const std::string probes = absl::StrJoin(event.probes, ", ");
  const PoolSeries& pool = pools_.at(event.pool);
  pool.grants.Add();
  pool.wait.Observe(Seconds(event.waited));
  log_.Info("lease.granted", {{"lease", event.lease},
                              {"holder", event.holder.identity.Text()},
                              {"probes", probes},
                              {"waited_s", WholeSeconds(event.waited)},
                              {"note", event.note}});
  Audit({.kind = AuditKind::kLeaseGranted, .time = absl::Now(), .probe = probes, .lease = event.lease}, event.holder);
}

void LeaseTrail::OnEnded(const LeaseEvent& event) {
  ended_.at(static_cast<size_t>(event.reason) - v1::END_REASON_RELEASED).Add();
  const std::string probes = absl::StrJoin(event.probes, ", ");
  log_.Info("lease.ended", {{"lease", event.lease},
                            {"holder", event.holder.identity.Text()},
                            {"probes", probes},
                            {"cause", ReasonName(event.reason)},
                            {"reason", event.why}});
  Audit(
      {.kind = AuditKind::kLeaseEnded, .time = absl::Now(), .probe = probes, .lease = event.lease, .reason = event.why},
      event.holder);
}

void LeaseTrail::OnServer(const std::string& host, size_t probes, bool registered) {
  log_.Info(registered ? "server.registered" : "server.gone",
            {{"host", host}, {"probes", static_cast<uint64_t>(probes)}});
}

void LeaseTrail::OnMaintenance(const Requester& by, const std::string& probe, const std::string& reason) {
  log_.Info(reason.empty() ? "maintenance.off" : "maintenance.on",
            {{"probe", probe}, {"identity", by.identity.Text()}, {"reason", reason}});
  Audit({.kind = AuditKind::kMaintenance, .time = absl::Now(), .probe = probe, .reason = reason}, by);
}

void LeaseTrail::OnStored(std::chrono::nanoseconds took) {
  stored_.Observe(Seconds(took));
  if (!std::exchange(store_fails_, false)) return;
  log_.Info("store.recovered", {});
}

void LeaseTrail::OnStoreFailed(const absl::Status& why) {
  store_failures_.Add();
  if (std::exchange(store_fails_, true)) return;
  log_.Error("store.failed", {{"reason", std::string(why.message())}});
}

void LeaseTrail::Show(const LeaseBook::State& state) const {
  servers_.Set(static_cast<double>(state.servers));
  for (const auto& [name, pool] : state.pools) {
    const PoolSeries& series = pools_.at(name);
    series.leases.Set(pool.leases);
    series.waiting.Set(pool.waiting);
    series.in_service.Set(pool.in_service);
    series.maintenance.Set(pool.maintenance);
  }
}

}  // namespace probegate::broker
