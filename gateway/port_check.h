// Checks whether the gateway still serves, the way pyOCD would find out: with a connection to a probe's port and a
// `hello`.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/socket.h"
#include "gateway/probe_port.h"

namespace probegate {

// Threads: any.
class PortCheck {
 public:
  // A port to be checked from now on, for as long as it exists.
  void Add(const std::shared_ptr<ProbePort>& port);

  // Checks one of the ports; each call takes the next one. OK if there is none. The error says which port does not
  // answer. Blocks until `deadline` at most.
  absl::Status Run(Deadline deadline);

 private:
  std::shared_ptr<ProbePort> Next();

  Mutex mutex_;
  std::vector<std::weak_ptr<ProbePort>> ports_ ABSL_GUARDED_BY(mutex_);  // the next one first
};

}  // namespace probegate
