// Asks the probegate-server which probes there are.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "probegate/v1/probe_directory.grpc.pb.h"

namespace probegate {

// Threads: any.
class ProbeLister {
 public:
  explicit ProbeLister(const Endpoint& server);

  // UNAVAILABLE where the server does not answer within some seconds. Blocks as long.
  absl::StatusOr<v1::ListProbesResponse> List() const;

 private:
  const Endpoint server_;
  const std::unique_ptr<v1::ProbeDirectory::Stub> directory_;
};

}  // namespace probegate
