// CMSIS-DAP packets on a byte stream, framed as OpenOCD's cmsis_dap_tcp backend does it. Each packet has a header of
// eight bytes, little-endian: u32 signature, u16 length of the packet, u8 type, u8 zero.
//
// Two additional types serve clients that emulate a probe's USB side, for the probe's SWO endpoint: a request of two
// bytes with the number of bytes that the client has room for, and a reply with as many bytes of the stream as there
// are.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {

inline constexpr size_t kFrameHeaderSize = 8;
inline constexpr uint32_t kFrameSignature = 0x00504144;
inline constexpr uint8_t kFrameRequest = 1;
inline constexpr uint8_t kFrameResponse = 2;
inline constexpr uint8_t kFrameTraceRequest = 3;
inline constexpr uint8_t kFrameTrace = 4;

using FrameHeader = std::array<uint8_t, kFrameHeaderSize>;

FrameHeader ResponseHeader(uint16_t packet_size);
FrameHeader TraceHeader(uint16_t size);

// Splits the bytes that a client sends into request packets. Holds as many packets as a probe has room for.
class RequestFramer {
 public:
  enum class Status : uint8_t {
    kIncomplete,
    kPacket,
    kTrace,  // the packet is a request for the SWO stream
    kBad,    // not the header of a request of at most kMaxPacketSize bytes; the rest of the stream cannot be understood
  };

  // Where to put received bytes; never empty after Next has returned kIncomplete. Commit then adds `count` bytes.
  std::span<uint8_t> Space();
  void Commit(size_t count) { end_ += count; }

  // For kPacket and kTrace, sets `packet` to the next packet, which stays valid until Space is called.
  Status Next(std::span<const uint8_t>& packet);

 private:
  std::array<uint8_t, kPacketCount*(kFrameHeaderSize + kMaxPacketSize)> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace probegate::sim
