// The subcommand top.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>
#include <utility>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/end_on_signal.h"
#include "cli/print/complain.h"
#include "cli/print/failure.h"
#include "cli/print/screen.h"
#include "cli/servers/find_probe.h"
#include "cli/servers/server_group.h"
#include "cli/top/top.h"
#include "cli/top/top_watch.h"

namespace probegate {
namespace {

using Clock = std::chrono::steady_clock;

// The page for people: a summary line, a line for each server that is missing, and the table.
std::string Page(const CommonArguments& common, const TopWatch& watch) {
  std::string where = common.servers.front().ToString();
  if (common.servers.size() > 1 || watch.server_count() > 1) where = std::to_string(watch.server_count()) + " servers";
  const Top top = watch.Seen();
  std::string page = "probegate top  " + where + "  " + Summary(top) + "\n";
  for (const std::string& problem : watch.Problems()) page += Printable(problem) + "; trying again\n";
  return page + ToTable(top);
}

// JSON is for programs, so it begins with the first complete interval, and nothing is printed if there is none. Each
// problem is reported once, on standard error.
bool PrintJson(const TopWatch& watch, std::vector<std::string>& known_problems) {
  std::vector<std::string> problems = watch.Problems();
  for (const std::string& problem : problems) {
    if (std::find(known_problems.begin(), known_problems.end(), problem) != known_problems.end()) continue;
    Complain(problem + "; trying again");
  }
  known_problems = std::move(problems);
  if (watch.has_rates()) std::cout << ToJson(watch.Seen()) << std::endl;
  return std::cout.good();
}

// Runs until the output is no longer read.
void Watch(const CommonArguments& common, const std::string& probe, const TopArguments& arguments, Screen& screen) {
  TopWatch watch(common.servers, common.security, probe, arguments.probe.labels);
  std::vector<std::string> known_problems;
  Clock::time_point due = Clock::now();
  while (common.json ? PrintJson(watch, known_problems) : screen.Show(Page(common, watch))) {
    due = std::max(due + arguments.interval, Clock::now());
    std::this_thread::sleep_until(due);
    watch.Look();
  }
}

// `probe` is the same as TopWatch's.
ExitCode LookOnce(const CommonArguments& common, ServerGroup& group, const std::string& probe,
                  const TopArguments& arguments) {
  struct Look {
    v1::StatsResponse stats;
    v1::ListSessionsResponse sessions;
    const std::string& host() const { return stats.host(); }
  };
  const auto befores = group.Ask<v1::StatsResponse>([](ServerClient& server) { return server.Stats(""); });
  std::this_thread::sleep_for(arguments.interval);
  const auto afters =
      group.Ask<Look>([](ServerClient& server) { return Look{server.Stats(""), server.ListSessions("")}; });
  group.ThrowIfNoneAnswers();
  const std::vector<Place> places = PlacesOfAnswers(afters);
  std::vector<ServerTop> tops;
  for (size_t i = 0; i < afters.size(); ++i) {
    const auto& [server, after] = afters[i];
    const auto is_same = [wanted = server](const auto& before) { return before.server == wanted; };
    const auto before = std::find_if(befores.begin(), befores.end(), is_same);
    tops.push_back({places[i], Compare(before->answer, after.stats, after.sessions)});
  }
  const Top top = OnlyOf(probe, arguments.probe.labels, Merge(tops));
  std::cout << (common.json ? ToJson(top) + "\n" : ToTable(top)) << std::flush;
  // If one probe was named, FindProbe has already reported missing servers, and none that matters is missing.
  return probe.empty() ? group.ReportFailures() : ExitCode::kOk;
}

}  // namespace

ExitCode RunTop(const CommonArguments& common, const TopArguments& arguments) {
  Screen screen;
  const EndOnSignal end_on_signal([&screen] { screen.Restore(); });
  std::string probe;
  {
    ServerGroup group(common.servers, common.security);
    if (!arguments.probe.uid.empty()) {
      probe = FindProbe(group, arguments.probe).unique_id;
    } else if (!arguments.probe.labels.empty()) {
      RequireProbeWith(group, arguments.probe.labels);
    }
    if (arguments.once) return LookOnce(common, group, probe, arguments);
  }
  Watch(common, probe, arguments, screen);
  return ExitCode::kOk;
}

}  // namespace probegate
