// A result that is a long list of numbers, written part by part.
//
// In JSON a list takes up to five times as much memory as in the server's response. So a long one becomes text only as
// fast as the client reads it, and its length does not matter to other clients, who get their turn between the parts.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <string>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

class LongResult {
 public:
  // Numbers that are written at a time. A result that has more is long.
  static constexpr size_t kPart = 4096;
  // What one part adds to the text, at most.
  static constexpr size_t kPartBytes = kPart * 12 + 2;

  static bool IsLong(const v1::StreamResponse& response);

  // `response` is a long one.
  explicit LongResult(v1::StreamResponse response) : response_(std::move(response)) {}

  // Appends the next part as JSON. True if it was the last.
  bool AppendPart(std::string& out);

 private:
  v1::StreamResponse response_;
  size_t written_ = 0;
};

}  // namespace probegate
