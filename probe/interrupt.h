// Whether an operation of a probe is to be given up between two packets: those for whom it is carried out no longer
// want it, or have used up their time.
#pragma once

#include "absl/status/status.h"

namespace probegate {

class Interrupt {
 public:
  virtual ~Interrupt() = default;
  // Asked before each packet, on the thread that uses the probe; it must be quick.
  virtual bool raised() const = 0;
};

// How an operation that was given up ends.
inline absl::Status Interrupted() { return absl::CancelledError("given up before its end"); }
inline bool IsInterrupted(const absl::Status& status) { return absl::IsCancelled(status); }

}  // namespace probegate
