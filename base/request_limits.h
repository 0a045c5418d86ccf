// The limits of a request that the gRPC API documents (proto/probegate/v1/debug_probe.proto), and that more than one
// program needs: the server enforces them, and its clients refuse or avoid requests that the server would refuse.
#pragma once

#include <cstddef>
#include <cstdint>

namespace probegate {

// The size of a block of words or bytes. The limit bounds the memory that a request takes, not what a probe can do, and
// is larger than the flash and the RAM of most microcontrollers.
inline constexpr size_t kMaxBlockBytes = size_t{16} << 20;
inline constexpr size_t kMaxBlockWords = kMaxBlockBytes / sizeof(uint32_t);

// The length of a raw sequence on the wire. Clients send a few hundred bits at most. The limit bounds how long one
// request occupies the probe.
inline constexpr size_t kMaxSequenceBits = size_t{64} << 10;

// Cycles of one segment of an SWD sequence, at least 1. CMSIS-DAP's DAP_SWD_Sequence has room for no more.
inline constexpr uint32_t kMaxSegmentCycles = 64;

// The size of one gRPC message, which both ends must allow: a block, and room for what is sent with it.
inline constexpr int kMaxMessageBytes = static_cast<int>(kMaxBlockBytes) + (4 << 20);

// Requests of a session that the server has not answered yet. At the limit, the server stops reading the session's
// stream, and refuses unary calls, until it has answered some.
inline constexpr size_t kMaxUnanswered = 256;

// Posted requests in one StreamRequest. The server ends the stream of a client that sends more.
inline constexpr int kMaxPosted = 256;

}  // namespace probegate
