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

struct ListedDevice {
  const v1::UnservedDevice* device;
  const Place* place;
};

// Columns of the table of probes that are not always shown.
struct ProbeColumns {
  bool gateway = false;  // the gateway's ports
  bool labels = false;
};

// A table with a header line.
std::string ToTable(const std::vector<ListedProbe>& probes, const ProbeColumns& columns);
std::string ToTable(const std::vector<ListedDevice>& devices);
std::string ToTable(const std::vector<ListedSession>& sessions);

// One JSON object, on one line. `unserved` is a member only if there is such a list.
std::string ToJson(const std::vector<ListedProbe>& probes, const std::vector<ListedDevice>* unserved);
std::string ToJson(const std::vector<ListedSession>& sessions);

}  // namespace probegate
