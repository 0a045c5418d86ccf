// What one session has coming of a probe's SWO. Plain data; the lane's thread alone touches it.
#pragma once

#include <deque>

#include "absl/status/status.h"

namespace probegate {

struct SwoSubscription {
  std::deque<char> bytes;  // oldest first
  bool lost = false;       // bytes were lost since the last read
  bool garbled = false;
  absl::Status ended;  // why nothing comes any more, once it does not
};

}  // namespace probegate
