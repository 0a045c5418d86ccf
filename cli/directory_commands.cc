// The subcommands list, sessions and kick.
#include <algorithm>
#include <iostream>
#include <set>

#include <google/protobuf/util/time_util.h>

#include "base/labels.h"
#include "base/printable.h"
#include "base/session_name.h"
#include "cli/commands.h"
#include "cli/print/client_text.h"
#include "cli/print/directory_text.h"
#include "cli/print/failure.h"
#include "cli/print/json.h"
#include "cli/print/place.h"
#include "cli/servers/find_probe.h"
#include "cli/servers/find_session.h"
#include "cli/servers/gateway_ports.h"
#include "cli/servers/server_group.h"

namespace probegate {
namespace {

std::string WhoIsOn(const std::string& probe, const v1::ListSessionsResponse& sessions) {
  std::string who;
  for (const v1::SessionInfo& session : sessions.sessions()) {
    if (session.probe() != probe) continue;
    who += (who.empty() ? "" : ", ") + Who(session);
  }
  return who.empty() ? "-" : who;
}

// Drops the sessions on probes that do not have all of `labels`.
void KeepSessionsOn(const v1::ListProbesResponse& probes, const Labels& labels, v1::ListSessionsResponse& sessions) {
  std::set<std::string> wanted;
  for (const v1::ProbeStatus& probe : probes.probes()) {
    if (HasLabels(probe.description().labels(), labels)) wanted.insert(probe.description().unique_id());
  }
  auto& all = *sessions.mutable_sessions();
  const auto drop = [&wanted](const v1::SessionInfo& session) { return !wanted.contains(session.probe()); };
  all.erase(std::remove_if(all.begin(), all.end(), drop), all.end());
}

// The sessions of the named probe, of the probes with these labels, or of all probes, on all servers that answer.
std::vector<ServerAnswer<v1::ListSessionsResponse>> AskSessions(ServerGroup& group, const ProbeChoice& probe) {
  if (!probe.uid.empty()) {
    const auto [server, unique_id] = FindProbe(group, probe);
    return {{server, server->ListSessions(unique_id)}};
  }
  if (!probe.labels.empty()) RequireProbeWith(group, probe.labels);
  return group.Ask<v1::ListSessionsResponse>([&probe](ServerClient& server) {
    v1::ListSessionsResponse sessions = server.ListSessions("");
    if (!probe.labels.empty()) KeepSessionsOn(server.ListProbes(), probe.labels, sessions);
    return sessions;
  });
}

}  // namespace

ExitCode RunList(const CommonArguments& common, const ListArguments& arguments) {
  struct Lists {
    v1::ListProbesResponse probes;
    v1::ListSessionsResponse sessions;
    const std::string& host() const { return probes.host(); }
  };
  ServerGroup group(common.servers, common.security);
  const auto answers = group.Ask<Lists>(
      [&arguments](ServerClient& server) { return Lists{server.ListProbes(arguments.all), server.ListSessions("")}; });
  group.ThrowIfNoneAnswers();
  const auto ports = AskGatewayPorts(arguments.gateway_ports);
  const std::vector<Place> places = PlacesOfAnswers(answers);
  std::vector<ListedProbe> probes;
  std::vector<ListedDevice> unserved;
  for (size_t i = 0; i < answers.size(); ++i) {
    for (const v1::UnservedDevice& device : answers[i].answer.probes.unserved()) {
      unserved.push_back({&device, &places[i]});
    }
    for (const v1::ProbeStatus& status : answers[i].answer.probes.probes()) {
      if (!HasLabels(status.description().labels(), arguments.labels)) continue;
      const auto port = ports.find(status.description().unique_id());
      probes.push_back({&status, &places[i], WhoIsOn(status.description().unique_id(), answers[i].answer.sessions),
                        port == ports.end() ? "" : port->second});
    }
  }
  std::stable_sort(probes.begin(), probes.end(), [](const ListedProbe& a, const ListedProbe& b) {
    return a.status->description().unique_id() < b.status->description().unique_id();
  });
  if (common.json) {
    std::cout << ToJson(probes, arguments.all ? &unserved : nullptr);
    return group.ReportFailures();
  }
  if (probes.empty()) {
    std::cout << (arguments.labels.empty() ? "There are no probes.\n" : "There are no probes with these labels.\n");
  } else {
    std::cout << ToTable(probes, {.gateway = !arguments.gateway_ports.empty(), .labels = arguments.show_labels});
  }
  if (!unserved.empty()) std::cout << "\n" << ToTable(unserved);
  return group.ReportFailures();
}

ExitCode RunSessions(const CommonArguments& common, const SessionsArguments& arguments) {
  ServerGroup group(common.servers, common.security);
  const auto answers = AskSessions(group, arguments.probe);
  group.ThrowIfNoneAnswers();
  const std::vector<Place> places = PlacesOfAnswers(answers);
  std::vector<ListedSession> sessions;
  for (size_t i = 0; i < answers.size(); ++i) {
    for (const v1::SessionInfo& session : answers[i].answer.sessions()) sessions.push_back({&session, &places[i]});
  }
  std::stable_sort(sessions.begin(), sessions.end(), [](const ListedSession& a, const ListedSession& b) {
    return a.session->opened_at() < b.session->opened_at();
  });
  if (common.json) {
    std::cout << ToJson(sessions);
  } else if (sessions.empty()) {
    std::cout << "There are no sessions.\n";
  } else {
    std::cout << ToTable(sessions);
  }
  // If one probe was named, FindProbe has already reported missing servers, and none that matters is missing.
  return arguments.probe.uid.empty() ? group.ReportFailures() : ExitCode::kOk;
}

void RunKick(const CommonArguments& common, const KickArguments& arguments) {
  ServerGroup group(common.servers, common.security);
  const auto [server, session] = FindSession(group, arguments.session);
  server->EndSession(session, arguments.reason);
  const std::string name = SessionName(session);
  std::cout << (common.json ? "{\"ended\":" + ToJson(name) + "}" : "Ended session " + Printable(name) + ".") << "\n";
}

}  // namespace probegate
