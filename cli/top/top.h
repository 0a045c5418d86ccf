// What `probegate top` shows: the state of each probe, and what it did between two answers of ProbeDirectory.Stats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/labels.h"
#include "cli/print/place.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// Averages, per second.
struct TopRates {
  double commands = 0;
  double command_failures = 0;  // the commands among them that failed
  double packets = 0;
  double bytes = 0;  // of packets, to the probe and from it
};

struct TopRow {
  std::string probe;  // unique ID
  Labels labels;
  Place place;
  std::string state;
  std::vector<std::string> users;  // the clients of its sessions, oldest first
  // Nothing if no time has passed. A probe that was not in the earlier answer counts from 0.
  std::optional<TopRates> rates;
  std::optional<double> commands_per_packet;
  // In seconds; nothing if there were no commands.
  std::optional<double> wait_p50, wait_p99;
  std::optional<double> wire_p50, wire_p99;
  uint32_t queue_depth = 0;
  bool lock_held = false;
  uint32_t lock_waiters = 0;
};

struct Top {
  std::string time;          // the server's time, as text
  double seconds = 0;        // the time between the two answers
  std::vector<TopRow> rows;  // sorted by probe
};

// What one server's probes did from `before` to `after`. If the server was restarted in between: what they did since
// the restart. No rate is negative.
Top Compare(const v1::StatsResponse& before, const v1::StatsResponse& after, const v1::ListSessionsResponse& sessions);

// Merges several servers' results into one. Each row's rates refer to the seconds of its own server; the merged time
// and seconds are the largest.
struct ServerTop {
  Place place;
  Top top;
};
Top Merge(const std::vector<ServerTop>& servers);

// Only the rows of `probe`, a unique ID, or of all probes if it is empty, that have all of `labels`.
Top OnlyOf(const std::string& probe, const Labels& labels, Top top);

// The totals, in one line.
std::string Summary(const Top& top);

// A table with a header line.
std::string ToTable(const Top& top);

// One JSON object, on one line. Unknown numbers are null.
std::string ToJson(const Top& top);

}  // namespace probegate
