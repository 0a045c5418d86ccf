// Asks the probegate-servers for their lists of probes.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "debug/plan.h"

namespace probegate {

// Threads: any.
class ProbeLister {
 public:
  explicit ProbeLister(std::vector<Endpoint> servers) : servers_(std::move(servers)) {}

  // Asks all servers at the same time. The list has the probes of the servers that answer within some seconds; a probe
  // that several servers report is in it several times. UNAVAILABLE if no server answers. Blocks for those seconds, and
  // also for as long as the system's resolver takes to look up the servers' names.
  absl::StatusOr<ProbeList> List() const;

 private:
  const std::vector<Endpoint> servers_;
};

}  // namespace probegate
