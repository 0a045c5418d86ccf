// The subcommands list, sessions and kick.
#include <algorithm>
#include <iostream>

#include <google/protobuf/util/time_util.h>

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
    who += (who.empty() ? "" : ", ") + Who(session.client());
  }
  return who.empty() ? "-" : who;
}

// The sessions of the named probe, or of all probes, on all servers that answer.
std::vector<ServerAnswer<v1::ListSessionsResponse>> AskSessions(ServerGroup& group, const std::string& probe) {
  if (probe.empty()) {
    return group.Ask<v1::ListSessionsResponse>([](ServerClient& server) { return server.ListSessions(""); });
  }
  const auto [server, unique_id] = FindProbe(group, probe);
  return {{server, server->ListSessions(unique_id)}};
}

}  // namespace

ExitCode RunList(const CommonArguments& common, const ListArguments& arguments) {
  struct Lists {
    v1::ListProbesResponse probes;
    v1::ListSessionsResponse sessions;
    const std::string& host() const { return probes.host(); }
  };
  ServerGroup group(common.servers);
  const auto answers =
      group.Ask<Lists>([](ServerClient& server) { return Lists{server.ListProbes(), server.ListSessions("")}; });
  group.ThrowIfNoneAnswers();
  const auto ports = AskGatewayPorts(arguments.gateway_ports);
  const std::vector<Place> places = PlacesOfAnswers(answers);
  std::vector<ListedProbe> probes;
  for (size_t i = 0; i < answers.size(); ++i) {
    for (const v1::ProbeStatus& status : answers[i].answer.probes.probes()) {
      const auto port = ports.find(status.description().unique_id());
      probes.push_back({&status, &places[i], WhoIsOn(status.description().unique_id(), answers[i].answer.sessions),
                        port == ports.end() ? "" : port->second});
    }
  }
  std::stable_sort(probes.begin(), probes.end(), [](const ListedProbe& a, const ListedProbe& b) {
    return a.status->description().unique_id() < b.status->description().unique_id();
  });
  if (common.json) {
    std::cout << ToJson(probes);
  } else if (probes.empty()) {
    std::cout << "There are no probes.\n";
  } else {
    std::cout << ToTable(probes, !arguments.gateway_ports.empty());
  }
  return group.ReportFailures();
}

ExitCode RunSessions(const CommonArguments& common, const SessionsArguments& arguments) {
  ServerGroup group(common.servers);
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
  return arguments.probe.empty() ? group.ReportFailures() : ExitCode::kOk;
}

void RunKick(const CommonArguments& common, const KickArguments& arguments) {
  ServerGroup group(common.servers);
  const auto [server, session] = FindSession(group, arguments.session);
  server->EndSession(session, arguments.reason);
  const std::string name = SessionName(session);
  std::cout << (common.json ? "{\"ended\":" + ToJson(name) + "}" : "Ended session " + Printable(name) + ".") << "\n";
}

}  // namespace probegate
