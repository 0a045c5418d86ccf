// Quirks: how probes and targets in the field deviate from their specification, so that clients can be tested with
// them.
//
// One table has a row for each quirk; --quirk and the control port turn quirks on by their names. This file only turns
// settings into values. What each value does is described where it has its effect: the firmware's commands in
// CommandQuirks, the link in LinkQuirks, the chip in TargetQuirks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cmsis_dap/command_quirks.h"
#include "sim/target/chip.h"

namespace probegate::sim {

// A quirk that is on.
struct QuirkSetting {
  std::string name;
  std::string value;

  bool operator==(const QuirkSetting&) const = default;
};

// What happens to whole packets and to the connection.
struct LinkQuirks {
  unsigned packet_buffers = 0;     // for how many packets the probe has room; 0: for all that arrive
  uint64_t stale_reply = 0;        // this reply, counted from when the quirk is turned on, is held back; 0: none
  uint64_t repeated_reply = 0;     // this one is sent twice; 0: none
  bool powered_by_target = false;  // the probe goes away when the target loses its power
};

struct Quirks {
  CommandQuirks commands;
  LinkQuirks link;
  TargetQuirks target;
};

struct QuirkRow {
  std::string_view name;
  std::string_view value;     // the form of its value; empty: it has none
  bool repeats;               // may be on several times, with different values
  std::string_view effect;    // what it does
  std::string_view firmware;  // where this has been seen
  // Throws std::invalid_argument, whose message is for the user, if the value is not of that form.
  void (*apply)(std::string_view value, Quirks& quirks);
};
std::span<const QuirkRow> QuirkRows();

// Throws std::invalid_argument if there is no such quirk.
void CheckQuirkName(std::string_view name);

// Parses NAME or NAME=VALUE. Throws std::invalid_argument if there is no such quirk, or if its value is not valid.
QuirkSetting ParseQuirk(std::string_view text);

// Adds `setting` to those that are on. It takes the place of another value of the same quirk, unless the quirk repeats.
void TurnOn(const QuirkSetting& setting, std::vector<QuirkSetting>& settings);

// All settings together. Throws std::invalid_argument as ParseQuirk does.
Quirks MakeQuirks(std::span<const QuirkSetting> settings);

// The table as text, for --help.
std::string DescribeQuirks();

}  // namespace probegate::sim
