// The output of `probegate list` and `probegate sessions`.
#pragma once

#include <string>
#include <vector>

#include "cli/print/place.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct ListedProbe {
  const v1::ProbeStatus* status;
  const Place* place;
  std::string users;    // the clients that use it, as text
  std::string gateway;  // HOST:PORT of the gateway's port that serves it; empty if there is none
};

struct ListedSession {
  const v1::SessionInfo* session;
  const Place* place;
};

// A table with a header line. If `with_gateway`, it has a column for the gateway's ports.
std::string ToTable(const std::vector<ListedProbe>& probes, bool with_gateway);
std::string ToTable(const std::vector<ListedSession>& sessions);

// One JSON object, on one line.
std::string ToJson(const std::vector<ListedProbe>& probes);
std::string ToJson(const std::vector<ListedSession>& sessions);

}  // namespace probegate
