// What a Log writes, although it writes on a thread of its own.
#pragma once

#include <string>

#include "gtest/gtest.h"

#include "telemetry/log.h"

namespace probegate {

// From its construction on, for one call of Text. One at a time: it captures standard error.
class LogCapture {
 public:
  explicit LogCapture(Log& log) : log_(log) {
    log_.Flush();
    testing::internal::CaptureStderr();
  }

  // Everything that was logged since the construction.
  std::string Text() {
    log_.Flush();
    return testing::internal::GetCapturedStderr();
  }

 private:
  Log& log_;
};

}  // namespace probegate
