// Asks the probegate-servers which probes there are.
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

  // What the servers have that answer within some seconds, which are asked all at once; a probe that several name is
  // there several times. UNAVAILABLE where none answers. Blocks as long, and besides for as long as the
  // system's resolver takes where a server goes by a name.
  absl::StatusOr<ProbeList> List() const;

 private:
  const std::vector<Endpoint> servers_;
};

}  // namespace probegate
