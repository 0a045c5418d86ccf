#include "cli/top/top_watch.h"

#include <algorithm>
#include <utility>

#include "base/background.h"
#include "cli/print/place.h"

namespace probegate {
namespace {

// More than a healthy server needs, and the longest that an outdated page may stay on the screen.
constexpr std::chrono::seconds kPatience{2};
constexpr std::chrono::milliseconds kStep{50};

}  // namespace

TopWatch::TopWatch(std::vector<Endpoint> names, ChannelSecurity security, std::string probe, Labels labels)
    : names_(std::move(names)),
      probe_(std::move(probe)),
      labels_(std::move(labels)),
      security_(std::move(security)),
      looked_up_(Clock::now()) {
  Take(LookUpServers(names_));
  Look();
  const auto has_answered = [](const ServerPoll& poll) { return poll.top().has_value(); };
  const auto is_outstanding = [](const ServerPoll& poll) { return poll.is_outstanding(); };
  while (std::none_of(polls_.begin(), polls_.end(), has_answered)) {
    if (std::none_of(polls_.begin(), polls_.end(), is_outstanding)) {
      if (!polls_.empty()) throw Failure(*polls_.front().problem());
      throw Failure(ExitCode::kUnreachable, std::string(failed_names_.front().status.message()));
    }
    for (ServerPoll& poll : polls_) poll.Wait(Clock::now() + kStep);
  }
}

void TopWatch::Look() {
  LookUpAgain();
  leaving_.remove_if([](ServerPoll& poll) {
    poll.Wait(Clock::now());
    return !poll.is_outstanding();
  });
  const Clock::time_point now = Clock::now();
  std::vector<ServerPoll*> late;
  for (ServerPoll& poll : polls_) {
    if (poll.is_outstanding()) late.push_back(&poll);
    poll.Ask();
  }
  for (ServerPoll& poll : polls_) {
    poll.Wait(std::find(late.begin(), late.end(), &poll) == late.end() ? now + kPatience : now);
  }
}

Top TopWatch::Seen() const {
  std::vector<HostOfServer> hosts;
  std::vector<ServerTop> tops;
  for (const ServerPoll& poll : polls_) {
    if (!poll.top()) continue;
    hosts.push_back({poll.server(), poll.host()});
    tops.push_back({{}, *poll.top()});
  }
  const std::vector<Place> places = PlacesOf(hosts);
  for (size_t i = 0; i < tops.size(); ++i) tops[i].place = places[i];
  return OnlyOf(probe_, labels_, Merge(tops));
}

bool TopWatch::has_rates() const {
  return std::any_of(polls_.begin(), polls_.end(),
                     [](const ServerPoll& poll) { return poll.top() && poll.top()->seconds > 0; });
}

std::vector<std::string> TopWatch::Problems() const {
  std::vector<std::string> problems;
  for (const FailedName& failed : failed_names_) problems.emplace_back(failed.status.message());
  for (const ServerPoll& poll : polls_) {
    if (poll.problem()) problems.emplace_back(poll.problem()->what());
  }
  return problems;
}

void TopWatch::LookUpAgain() {
  const Clock::time_point now = Clock::now();
  if (!lookup_.valid()) {
    if (now < looked_up_ + kLookupInterval) return;
    const auto none = [this](const std::string& why) {
      ServerLookup failed;
      for (const Endpoint& name : names_)
        failed.failures.push_back({name, absl::UnavailableError(name.host + ": " + why)});
      return failed;
    };
    lookup_ = InBackground([this] { return LookUpServers(names_); }, none);
  }
  if (lookup_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  Take(lookup_.get());
  looked_up_ = now;
}

void TopWatch::Take(const ServerLookup& lookup) {
  servers_ = KeepKnownServers(servers_, lookup);
  failed_names_ = lookup.failures;
  std::list<ServerPoll> before = std::exchange(polls_, {});
  for (const Server& server : servers_) {
    const auto known = std::find_if(before.begin(), before.end(), [&server](const ServerPoll& poll) {
      return poll.server().address == server.address;
    });
    if (known == before.end()) {
      polls_.emplace_back(server, security_);
    } else {
      polls_.splice(polls_.end(), before, known);
    }
  }
  leaving_.splice(leaving_.end(), before);
}

}  // namespace probegate
