// How `probegate list` and `probegate sessions` print what they found.
#pragma once

#include <string>
#include <vector>

#include "cli/print/place.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct ListedProbe {
  const v1::ProbeStatus* status;
  const Place* place;
  std::string users;    // who is on it, for a person
  std::string gateway;  // which port of a gateway serves it, HOST:PORT; empty for none
};

struct ListedSession {
  const v1::SessionInfo* session;
  const Place* place;
};

// A table, with a line for the columns' names; the gateway's ports are a column `with_gateway`.
std::string ToTable(const std::vector<ListedProbe>& probes, bool with_gateway);
std::string ToTable(const std::vector<ListedSession>& sessions);

// One JSON object, on one line.
std::string ToJson(const std::vector<ListedProbe>& probes);
std::string ToJson(const std::vector<ListedSession>& sessions);

}  // namespace probegate
