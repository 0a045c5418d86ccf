#include "cli/print/probe_text.h"

#include <array>

namespace probegate {
namespace {

struct StateRow {
  v1::ProbeState state;
  const char* name;
};
constexpr std::array<StateRow, 3> kStates = {{
    {v1::PROBE_STATE_IDLE, "idle"},
    {v1::PROBE_STATE_IN_USE, "in use"},
    {v1::PROBE_STATE_AWAY, "away"},
}};

}  // namespace

std::string StateName(v1::ProbeState state) {
  for (const StateRow& row : kStates) {
    if (row.state == state) return row.name;
  }
  return "unknown";
}

}  // namespace probegate
