// Where the library takes the time from, so that tests can set it.
#pragma once

#include <functional>

#include "absl/time/time.h"

namespace probegate {

// Called on any thread. Programs pass absl::Now.
using Clock = std::function<absl::Time()>;

}  // namespace probegate
