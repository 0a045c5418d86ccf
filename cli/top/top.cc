#include "cli/top/top.h"

#include <algorithm>
#include <map>

#include <google/protobuf/util/time_util.h>

#include "cli/print/client_text.h"
#include "cli/print/probe_text.h"
#include "cli/top/histogram_quantile.h"

namespace probegate {
namespace {

// The increase of a total that may have been reset in between.
double Increase(uint64_t before, uint64_t after) {
  return static_cast<double>(after < before ? after : after - before);
}

void Fill(const v1::LatencyHistogram& before, const v1::LatencyHistogram& after, std::optional<double>& p50,
          std::optional<double>& p99) {
  const std::vector<uint64_t> counts = Difference(before, after);
  p50 = Quantile(0.50, after, counts);
  p99 = Quantile(0.99, after, counts);
}

TopRow Now(const v1::ProbeStats& probe, const v1::ListSessionsResponse& sessions) {
  TopRow row;
  row.probe = probe.status().description().unique_id();
  const auto& labels = probe.status().description().labels();
  row.labels = Labels(labels.begin(), labels.end());
  row.state = StateName(probe.status().state());
  for (const v1::SessionInfo& session : sessions.sessions()) {
    if (session.probe() == row.probe) row.users.push_back(Who(session));
  }
  row.queue_depth = probe.queue_depth();
  row.lock_held = probe.lock_held();
  row.lock_waiters = probe.lock_waiters();
  return row;
}

void FillRates(const v1::ProbeStats& before, const v1::ProbeStats& after, double seconds, TopRow& row) {
  const double commands = Increase(before.commands(), after.commands());
  const double packets = Increase(before.packets(), after.packets());
  const double bytes = Increase(before.bytes_out(), after.bytes_out()) + Increase(before.bytes_in(), after.bytes_in());
  row.rates = TopRates{.commands = commands / seconds,
                       .command_failures = Increase(before.command_failures(), after.command_failures()) / seconds,
                       .packets = packets / seconds,
                       .bytes = bytes / seconds};
  if (packets > 0) row.commands_per_packet = commands / packets;
  Fill(before.command_wait(), after.command_wait(), row.wait_p50, row.wait_p99);
  Fill(before.command_wire(), after.command_wire(), row.wire_p50, row.wire_p99);
}

using ProbesByName = std::map<std::string, const v1::ProbeStats*>;

ProbesByName ByName(const v1::StatsResponse& answer) {
  ProbesByName probes;
  for (const v1::ProbeStats& probe : answer.probes()) probes[probe.status().description().unique_id()] = &probe;
  return probes;
}

// When the server started, by its own clock, in seconds.
double BeganAt(const v1::StatsResponse& answer) {
  return static_cast<double>(google::protobuf::util::TimeUtil::TimestampToMicroseconds(answer.time())) / 1e6 -
         answer.uptime_seconds();
}

// Whether the server was restarted in between. If it has been up longer than the previous one had been, that takes two
// signs: it started later, and a probe's total is smaller. Each sign alone has other causes: the server's clock was
// set, or a probe was away for so long that its totals were dropped.
bool WasRestarted(const v1::StatsResponse& before, const v1::StatsResponse& after) {
  if (after.uptime_seconds() < before.uptime_seconds()) return true;
  if (BeganAt(after) < BeganAt(before) + 1) return false;
  const ProbesByName known = ByName(before);
  return std::any_of(after.probes().begin(), after.probes().end(), [&known](const v1::ProbeStats& probe) {
    const auto found = known.find(probe.status().description().unique_id());
    return found != known.end() && probe.commands() < found->second->commands();
  });
}

}  // namespace

Top Compare(const v1::StatsResponse& before, const v1::StatsResponse& after, const v1::ListSessionsResponse& sessions) {
  const bool was_restarted = WasRestarted(before, after);
  const ProbesByName known = was_restarted ? ProbesByName() : ByName(before);
  google::protobuf::Timestamp time = after.time();
  time.set_nanos(0);
  Top top{.time = google::protobuf::util::TimeUtil::ToString(time),
          .seconds = after.uptime_seconds() - (was_restarted ? 0 : before.uptime_seconds()),
          .rows = {}};
  for (const v1::ProbeStats& probe : after.probes()) {
    TopRow& row = top.rows.emplace_back(Now(probe, sessions));
    const auto found = known.find(row.probe);
    const v1::ProbeStats& was = found == known.end() ? v1::ProbeStats::default_instance() : *found->second;
    if (top.seconds > 0) FillRates(was, probe, top.seconds, row);
  }
  return top;
}

Top Merge(const std::vector<ServerTop>& servers) {
  Top all;
  for (const auto& [place, top] : servers) {
    // These times sort the same as text and as times.
    all.time = std::max(all.time, top.time);
    all.seconds = std::max(all.seconds, top.seconds);
    for (const TopRow& row : top.rows) all.rows.emplace_back(row).place = place;
  }
  std::stable_sort(all.rows.begin(), all.rows.end(),
                   [](const TopRow& a, const TopRow& b) { return a.probe < b.probe; });
  return all;
}

Top OnlyOf(const std::string& probe, const Labels& labels, Top top) {
  std::erase_if(top.rows, [&](const TopRow& row) {
    return (!probe.empty() && row.probe != probe) || !HasLabels(row.labels, labels);
  });
  return top;
}

}  // namespace probegate
