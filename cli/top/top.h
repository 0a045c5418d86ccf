// What `probegate top` shows: how each probe is, and what it did between two answers of ProbeDirectory.Stats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/print/place.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// A second's worth, on average.
struct TopRates {
  double commands = 0;
  double command_failures = 0;  // of them, those that did not succeed
  double packets = 0;
  double bytes = 0;  // of packets, to the probe and from it
};

struct TopRow {
  std::string probe;  // unique id
  Place place;
  std::string state;
  std::vector<std::string> users;  // of its sessions, oldest first
  // Nothing where no time has passed. A probe that was not there before began at 0.
  std::optional<TopRates> rates;
  std::optional<double> commands_per_packet;
  // In seconds; nothing where nothing happened.
  std::optional<double> wait_p50, wait_p99;
  std::optional<double> wire_p50, wire_p99;
  uint32_t queue_depth = 0;
  bool lock_held = false;
  uint32_t lock_waiters = 0;
};

struct Top {
  std::string time;          // the server's, for a person
  double seconds = 0;        // from the one answer to the other
  std::vector<TopRow> rows;  // by probe
};

// Of one server, from `before` to `after`. Where it began anew in between it is what happened since; no rate is below
// 0.
Top Compare(const v1::StatsResponse& before, const v1::StatsResponse& after, const v1::ListSessionsResponse& sessions);

// Several servers' as one. Each row's rates are of its own server's seconds; the time and the seconds of all are the
// largest.
struct ServerTop {
  Place place;
  Top top;
};
Top Merge(const std::vector<ServerTop>& servers);

// The rows of one probe, a unique id; all where it is empty.
Top OnlyOf(const std::string& probe, Top top);

// All of it in one line: what a person wants to see first.
std::string Summary(const Top& top);

// A table, with a line for the columns' names.
std::string ToTable(const Top& top);

// One JSON object, on one line. Numbers that are not known are null.
std::string ToJson(const Top& top);

}  // namespace probegate
