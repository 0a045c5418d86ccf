// How much of the server's memory a command may hold until it is answered, and how much of it one session may use.
#pragma once

#include <cstddef>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// The limit for one session's unanswered commands, on a stream or in unary calls. The limit on their number is in
// base/request_limits.h.
inline constexpr size_t kMaxUnansweredBytes = size_t{32} << 20;

// The approximate size in bytes of `request` and of its answer. `wire_bytes` is the size of the request alone.
size_t RequestCost(const v1::StreamRequest& request, size_t wire_bytes);
size_t RequestCost(const v1::StreamRequest& request);

// The memory in bytes that `request` takes at most, from when it is parsed until its answer is sent: for itself
// (`parsed_bytes`, base/protobuf/parsed_size.h), for the data of its transfers, and for its answer, which exists twice
// for a moment.
size_t RequestMemory(const v1::StreamRequest& request, size_t wire_bytes, size_t parsed_bytes);

// The memory that each session may use without being counted in the quota. So a session's few small commands never wait
// for room, whatever the client's other sessions hold.
inline constexpr size_t kUncountedBytes = size_t{16} << 10;

// The memory that a unary call of `command` needs at most, if its request may be large; 0 if it is always small.
size_t UnaryRoom(v1::StreamRequest::RequestCase command);

// The size in bytes of requests that are always small, and the memory that they take at most once they are parsed.
inline constexpr size_t kMaxSmallMessageBytes = size_t{64} << 10;
inline constexpr size_t kMaxSmallParsedBytes = size_t{512} << 10;

}  // namespace probegate
