// top.
#include <chrono>
#include <iostream>
#include <thread>
#include <utility>

#include "cli/commands.h"
#include "cli/end_on_signal.h"
#include "cli/failure.h"
#include "cli/screen.h"
#include "cli/top.h"

namespace probegate {
namespace {

using Clock = std::chrono::steady_clock;

// What a person sees: a line of what is, and of what is wrong, and the table.
std::string Page(const CommonArguments& common, const Top& top, const std::string& problem) {
  std::string page = "probegate top  " + common.server.ToString() + "  " + Summary(top) + "\n";
  if (!problem.empty()) page += problem + "; trying again\n";
  return page + ToTable(top);
}

// Until nobody reads any more.
void Watch(const CommonArguments& common, const TopArguments& arguments, ServerClient& server, Screen& screen) {
  v1::StatsResponse before = server.Stats(arguments.probe);
  Top top = Compare(before, before, server.ListSessions(arguments.probe));
  std::string problem;
  // JSON is for programs: from the first whole interval on, and nothing where there is none. What is wrong stands on
  // standard error, once.
  bool shows = common.json || screen.Show(Page(common, top, problem));
  for (Clock::time_point due = Clock::now(); shows;) {
    due = std::max(due + arguments.interval, Clock::now());
    std::this_thread::sleep_until(due);
    const std::string problem_before = std::exchange(problem, "");
    try {
      v1::StatsResponse after = server.Stats(arguments.probe);
      top = Compare(before, after, server.ListSessions(arguments.probe));
      before = std::move(after);
    } catch (const Failure& failure) {
      problem = failure.what();
    }
    if (!common.json) {
      shows = screen.Show(Page(common, top, problem));
    } else if (problem.empty()) {
      std::cout << ToJson(top) << std::endl;
      shows = std::cout.good();
    } else if (problem != problem_before) {
      std::cerr << "probegate: " << problem << "; trying again\n";
    }
  }
}

}  // namespace

void RunTop(const CommonArguments& common, const TopArguments& arguments) {
  Screen screen;
  const EndOnSignal end_on_signal([&screen] { screen.Restore(); });
  ServerClient server(common.server);
  if (!arguments.once) {
    Watch(common, arguments, server, screen);
    return;
  }
  const v1::StatsResponse before = server.Stats(arguments.probe);
  std::this_thread::sleep_for(arguments.interval);
  const Top top = Compare(before, server.Stats(arguments.probe), server.ListSessions(arguments.probe));
  std::cout << (common.json ? ToJson(top) + "\n" : ToTable(top)) << std::flush;
}

}  // namespace probegate
