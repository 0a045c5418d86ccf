#include "cli/servers/find_probe.h"

#include <set>

#include "base/ignoring_case.h"
#include "cli/print/failure.h"

namespace probegate {
namespace {

std::string Join(const std::set<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

// The end of a sentence about probes: "" or " with board=frdm-k64f".
std::string With(const Labels& labels) { return labels.empty() ? "" : " with " + ToText(labels); }

// The unique ID that `wanted` names.
std::string Resolve(const std::vector<ServerProbes>& lists, const ProbeChoice& wanted, bool complete) {
  const auto& [uid, labels] = wanted;
  std::set<std::string> all, matches;
  for (const ServerProbes& list : lists) {
    for (const v1::ProbeStatus& probe : list.probes.probes()) {
      const std::string& unique_id = probe.description().unique_id();
      all.insert(unique_id);
      // Without this check, an empty `uid` would equal the unique ID of a probe that has none.
      if (unique_id.empty() || !ContainsIgnoringCase(unique_id, uid)) continue;
      if (!HasLabels(probe.description().labels(), labels)) continue;
      if (unique_id.size() == uid.size()) return unique_id;
      matches.insert(unique_id);
    }
  }
  if (matches.size() == 1 && complete) return *matches.begin();
  if (matches.empty()) {
    const std::string none = uid.empty() ? "there is no probe" : "no probe matches \"" + uid + "\"";
    throw Failure(ExitCode::kNotFound,
                  wanted.empty() ? none : none + With(labels) + "; there are: " + (all.empty() ? "none" : Join(all)));
  }
  if (matches.size() == 1) {
    throw Failure(
        ExitCode::kNotFound,
        "a server is missing, and may have another match; give the probe's whole unique ID: " + Join(matches));
  }
  const std::string several = uid.empty() ? "there are several probes" : "several probes match \"" + uid + "\"";
  throw Failure(ExitCode::kNotFound, several + With(labels) + (uid.empty() ? ", name one: " : ": ") + Join(matches));
}

}  // namespace

ChosenProbe ChooseProbe(const std::vector<ServerProbes>& lists, const ProbeChoice& wanted, bool complete) {
  const std::string unique_id = Resolve(lists, wanted, complete);
  std::vector<size_t> there, away;
  for (size_t i = 0; i < lists.size(); ++i) {
    for (const v1::ProbeStatus& probe : lists[i].probes.probes()) {
      if (probe.description().unique_id() != unique_id) continue;
      (probe.state() == v1::PROBE_STATE_AWAY ? away : there).push_back(i);
    }
  }
  if (there.size() > 1) {
    std::set<std::string> servers;
    for (const size_t i : there) servers.insert(lists[i].server.address.ToString());
    throw Failure(ExitCode::kNotFound,
                  "probe " + unique_id + " is on several servers: " + Join(servers) + "; name one (--server)");
  }
  return {there.empty() ? away.front() : there.front(), unique_id};
}

FoundProbe FindProbe(ServerGroup& group, const ProbeChoice& wanted) {
  const auto answers = group.Ask<v1::ListProbesResponse>([](ServerClient& server) { return server.ListProbes(); });
  group.ThrowIfNoneAnswers();
  std::vector<ServerProbes> lists;
  for (const auto& [server, probes] : answers) lists.push_back({server->server(), probes});
  const ExitCode missing = group.ReportFailures();
  try {
    const ChosenProbe chosen = ChooseProbe(lists, wanted, missing == ExitCode::kOk);
    return {answers[chosen.server].server, chosen.unique_id};
  } catch (const Failure& failure) {
    if (missing == ExitCode::kOk) throw;
    throw Failure(missing, std::string(failure.what()) + ", on the servers that answer");
  }
}

void RequireProbeWith(ServerGroup& group, const Labels& labels) {
  const auto answers = group.Ask<v1::ListProbesResponse>([](ServerClient& server) { return server.ListProbes(); });
  if (!group.failures().empty()) return;
  for (const auto& [server, list] : answers) {
    for (const v1::ProbeStatus& probe : list.probes()) {
      if (HasLabels(probe.description().labels(), labels)) return;
    }
  }
  throw Failure(ExitCode::kNotFound,
                "there is no probe" + With(labels) + "; `probegate list --labels` shows the labels");
}

}  // namespace probegate
