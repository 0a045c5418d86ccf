// list, sessions and kick.
#include <iostream>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "cli/client_text.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/gateway_ports.h"
#include "cli/json.h"
#include "cli/probe_text.h"
#include "cli/text_table.h"

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

std::string Flags(const v1::SessionInfo& session) {
  std::string flags;
  const auto add = [&](bool set, const char* name) {
    if (set) flags += (flags.empty() ? "" : ",") + std::string(name);
  };
  add(session.has_open(), "open");
  add(session.is_connected(), "connected");
  add(session.holds_lock(), "lock");
  add(session.waits_for_lock(), "waiting");
  return flags.empty() ? "-" : flags;
}

// The session whose name begins with `part`; what has the length of a name or an id is left to the server.
std::string FullName(ServerClient& server, const std::string& part) {
  constexpr size_t kNameLength = 16;
  if (part.size() >= kNameLength) return part;
  std::string found;
  const v1::ListSessionsResponse sessions = server.ListSessions("");
  for (const v1::SessionInfo& session : sessions.sessions()) {
    if (session.session().compare(0, part.size(), part) != 0) continue;
    if (!found.empty()) throw Failure(ExitCode::kNotFound, "several sessions begin with " + part + "; say more of it");
    found = session.session();
  }
  if (found.empty()) throw Failure(ExitCode::kNotFound, "no session begins with " + part);
  return found;
}

}  // namespace

void RunList(const CommonArguments& common, const ListArguments& arguments) {
  ServerClient server(common.server);
  const v1::ListProbesResponse probes = server.ListProbes();
  const v1::ListSessionsResponse sessions = server.ListSessions("");
  const auto ports = AskGatewayPorts(arguments.gateway_ports);
  const auto port_of = [&](const std::string& probe) {
    const auto found = ports.find(probe);
    return found == ports.end() ? std::string() : found->second;
  };
  std::string json;
  std::vector<std::vector<std::string>> rows = {{"PROBE", "STATE", "DESCRIPTION", "LOCATION", "IN USE BY"}};
  if (!arguments.gateway_ports.empty()) rows[0].insert(rows[0].begin() + 1, "GATEWAY");
  for (const v1::ProbeStatus& probe : probes.probes()) {
    const std::string& unique_id = probe.description().unique_id();
    const std::string port = port_of(unique_id);
    std::vector<std::string> row = {unique_id, StateName(probe.state()), probe.description().description(),
                                    probe.location(),
                                    probe.problem().empty() ? WhoIsOn(unique_id, sessions) : probe.problem()};
    if (!arguments.gateway_ports.empty()) row.insert(row.begin() + 1, port.empty() ? "-" : port);
    rows.push_back(std::move(row));
    std::string entry = "{\"status\":" + ToJson(probe);
    if (!port.empty()) entry += ",\"gateway\":" + ToJson(port);
    json += (json.empty() ? "" : ",") + entry + "}";
  }
  if (common.json) {
    std::cout << "{\"probes\":[" << json << "]}\n";
  } else if (probes.probes().empty()) {
    std::cout << "The server at " << common.server.ToString() << " has no probes.\n";
  } else {
    std::cout << FormatTable(rows);
  }
}

void RunSessions(const CommonArguments& common, const SessionsArguments& arguments) {
  ServerClient server(common.server);
  const v1::ListSessionsResponse sessions = server.ListSessions(arguments.probe);
  if (common.json) {
    std::cout << ToJson(sessions) << "\n";
    return;
  }
  if (sessions.sessions().empty()) {
    std::cout << "There are no sessions.\n";
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"SESSION", "PROBE", "CLIENT", "OPENED", "LAST COMMAND", "COMMANDS", "HAS"}};
  for (const v1::SessionInfo& session : sessions.sessions()) {
    using google::protobuf::util::TimeUtil;
    google::protobuf::Timestamp opened = session.opened_at();
    google::protobuf::Timestamp last = session.last_command_at();
    opened.set_nanos(0);
    last.set_nanos(0);
    rows.push_back({session.session(), session.probe(), Who(session.client()), TimeUtil::ToString(opened),
                    TimeUtil::ToString(last), std::to_string(session.command_count()), Flags(session)});
  }
  std::cout << FormatTable(rows);
}

void RunKick(const CommonArguments& common, const KickArguments& arguments) {
  ServerClient server(common.server);
  const std::string session = FullName(server, arguments.session);
  server.EndSession(session, arguments.reason);
  const std::string name = session.substr(0, 16);
  std::cout << (common.json ? "{\"ended\":" + ToJson(name) + "}" : "Ended session " + name + ".") << "\n";
}

}  // namespace probegate
