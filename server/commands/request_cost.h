// How much of the server's memory a command may hold until it is answered, and how much of it one session may use.
#pragma once

#include <cstddef>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// The limit for one session's unanswered commands, on a stream or in unary calls. The limit on their number is in
// base/request_limits.h.
inline constexpr size_t kMaxUnansweredBytes = size_t{32} << 20;

// The limit for the unary calls of all sessions together. Flow control slows down the client of a stream, but not the
// client of unary calls.
inline constexpr size_t kMaxUnaryBytes = size_t{256} << 20;

// The approximate size in bytes of `request` and of its answer.
size_t RequestCost(const v1::StreamRequest& request);

}  // namespace probegate
