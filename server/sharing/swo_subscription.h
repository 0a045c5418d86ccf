// What one session has yet to read of a probe's SWO. Plain data; only the lane's thread touches it.
#pragma once

#include <deque>

#include "absl/status/status.h"

namespace probegate {

struct SwoSubscription {
  std::deque<char> bytes;  // oldest first
  bool lost = false;       // bytes were lost since the last read
  bool garbled = false;
  absl::Status ended;  // after the subscription has ended: the reason
};

}  // namespace probegate
