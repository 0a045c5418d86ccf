// What a command may hold of the server's memory until it is answered, and how much of that one session may have.
#pragma once

#include <cstddef>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// Of a session's unanswered commands, on a stream or in unary calls. Their number is base/request_limits.h's.
inline constexpr size_t kMaxUnansweredBytes = size_t{32} << 20;

// Unary calls' bytes of all sessions together; a stream's client is slowed down by flow control, a call's is not.
inline constexpr size_t kMaxUnaryBytes = size_t{256} << 20;

// Bytes of `request` and of the answer it asks for, about.
size_t RequestCost(const v1::StreamRequest& request);

}  // namespace probegate
