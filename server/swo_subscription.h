// What one session has coming of a probe's SWO. Plain data; the lane's thread alone touches it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/status.h"

namespace probegate {

struct SwoSubscription {
  std::deque<std::shared_ptr<const std::string>> pieces;  // oldest first, each shared with the others who get it
  size_t size = 0;                                        // bytes of all
  bool lost = false;                                      // bytes were lost since the last read
  bool garbled = false;
  absl::Status ended;  // why nothing comes any more, once it does not
};

}  // namespace probegate
