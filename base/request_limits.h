// The limits of one request that the gRPC API promises (proto/probegate/v1/debug_probe.proto) and that more than one
// program has to know: the server holds to them, and its clients refuse or avoid what it would refuse.
#pragma once

#include <cstddef>
#include <cstdint>

namespace probegate {

// Of a block of words or bytes. It bounds the memory that a request takes, not what a probe can do, and is more than
// the flash and the RAM of most microcontrollers.
inline constexpr size_t kMaxBlockBytes = size_t{16} << 20;
inline constexpr size_t kMaxBlockWords = kMaxBlockBytes / sizeof(uint32_t);

// Of a raw sequence on the wire. Clients send a few hundred bits at most; the limit bounds how long one request
// occupies the probe.
inline constexpr size_t kMaxSequenceBits = size_t{64} << 10;

// Cycles of one segment of an SWD sequence, from 1: what CMSIS-DAP's DAP_SWD_Sequence has room for.
inline constexpr uint32_t kMaxSegmentCycles = 64;

// Of one gRPC message, which both ends have to allow: a block, and room for what is sent with it.
inline constexpr int kMaxMessageBytes = static_cast<int>(kMaxBlockBytes) + (4 << 20);

// Requests of a session that the server has not answered yet. It reads no more of a stream until it has, and refuses
// unary calls.
inline constexpr size_t kMaxUnanswered = 256;

// Posted requests in one StreamRequest. The server ends the stream of a client that sends more.
inline constexpr int kMaxPosted = 256;

}  // namespace probegate
