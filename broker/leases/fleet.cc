#include "broker/leases/fleet.h"

#include <algorithm>
#include <set>
#include <utility>

namespace probegate::broker {

ProbeNames KnownProbe::names() const {
  return {.uid = record.uid(), .labels = Labels(record.labels().begin(), record.labels().end())};
}

void Fleet::Restore(v1::ProbeRecord record) {
  const std::string uid = record.uid();
  KnownProbe& probe = probes_[uid];
  probe.record = std::move(record);
  scheduler_.SetProbe(probe.names(), false);
  scheduler_.SetMaintenance(uid, probe.record.maintenance());
}

std::shared_ptr<ServerLink> Fleet::Register(const v1::Hello& hello, std::shared_ptr<ServerLink> link) {
  Server& server = servers_[hello.host()];
  std::shared_ptr<ServerLink> replaced = std::exchange(server.link, std::move(link));
  server.address = hello.address();
  std::set<std::string> reported;
  for (const v1::ProbeReport& report : hello.probes()) {
    reported.insert(report.uid());
    Claim(hello.host(), report);
  }
  for (auto& [uid, probe] : probes_) {
    if (probe.record.host() == hello.host() && !reported.contains(uid)) SetPresent(probe, false);
  }
  return replaced;
}

std::optional<Fleet::Gone> Fleet::Unregister(const ServerLink* link) {
  const auto server = FindServer(link);
  if (server == servers_.end()) return std::nullopt;
  Gone gone{.host = server->first, .probes = {}};
  for (auto& [uid, probe] : probes_) {
    if (probe.record.host() != server->first) continue;
    SetPresent(probe, false);
    gone.probes.push_back(uid);
  }
  servers_.erase(server);
  return gone;
}

void Fleet::Report(const ServerLink* link, const v1::ProbeReport& report) {
  const auto server = FindServer(link);
  if (server != servers_.end()) Claim(server->first, report);
}

// The probe is this host's now.
void Fleet::Claim(const std::string& host, const v1::ProbeReport& report) {
  KnownProbe& probe = probes_[report.uid()];
  const bool same =
      probe.record.host() == host && probe.names().labels == Labels(report.labels().begin(), report.labels().end());
  probe.present = report.present();
  if (!same) {
    probe.record.set_uid(report.uid());
    probe.record.set_host(host);
    *probe.record.mutable_labels() = report.labels();
    Store(probe);
  }
  scheduler_.SetProbe(probe.names(), probe.present);
}

void Fleet::SetPresent(KnownProbe& probe, bool present) {
  probe.present = present;
  scheduler_.SetProbe(probe.names(), present);
}

void Fleet::SetMaintenance(const std::string& uid, const std::string& reason) {
  KnownProbe& probe = probes_.at(uid);
  probe.record.set_maintenance(reason);
  Store(probe);
  scheduler_.SetMaintenance(uid, reason);
}

void Fleet::Store(const KnownProbe& probe) {
  outbox_.Put(RecordKind::kProbe, probe.record.uid(), probe.record.SerializeAsString());
}

const KnownProbe* Fleet::Find(const std::string& uid) const {
  const auto probe = probes_.find(uid);
  return probe == probes_.end() ? nullptr : &probe->second;
}

const Fleet::Server* Fleet::ServerOf(const std::string& uid) const {
  const KnownProbe* const probe = Find(uid);
  if (probe == nullptr) return nullptr;
  const auto server = servers_.find(probe->record.host());
  return server == servers_.end() ? nullptr : &server->second;
}

std::shared_ptr<ServerLink> Fleet::LinkOf(const std::string& uid) const {
  const Server* const server = ServerOf(uid);
  return server == nullptr ? nullptr : server->link;
}

std::vector<std::shared_ptr<ServerLink>> Fleet::Links() const {
  std::vector<std::shared_ptr<ServerLink>> links;
  for (const auto& [host, server] : servers_) links.push_back(server.link);
  return links;
}

std::string Fleet::AddressOf(const std::string& uid) const {
  const Server* const server = ServerOf(uid);
  return server == nullptr ? std::string() : server->address;
}

std::map<std::string, Fleet::Server>::iterator Fleet::FindServer(const ServerLink* link) {
  return std::find_if(servers_.begin(), servers_.end(),
                      [link](const auto& server) { return server.second.link.get() == link; });
}

}  // namespace probegate::broker
