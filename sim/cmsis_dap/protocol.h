// Numbers of the CMSIS-DAP protocol, version 2.1 (Arm's CMSIS-DAP documentation, "Commands").
#pragma once

#include <cstddef>
#include <cstdint>

namespace probegate::sim {

inline constexpr size_t kMaxPacketSize = 1024;
inline constexpr size_t kPacketCount = 4;

enum class Command : uint8_t {
  kInfo = 0x00,
  kHostStatus = 0x01,
  kConnect = 0x02,
  kDisconnect = 0x03,
  kTransferConfigure = 0x04,
  kTransfer = 0x05,
  kTransferBlock = 0x06,
  kTransferAbort = 0x07,
  kWriteAbort = 0x08,
  kDelay = 0x09,
  kResetTarget = 0x0A,
  kSwjPins = 0x10,
  kSwjClock = 0x11,
  kSwjSequence = 0x12,
  kSwdConfigure = 0x13,
  kJtagSequence = 0x14,
  kJtagConfigure = 0x15,
  kJtagIdcode = 0x16,
  kSwoTransport = 0x17,
  kSwoMode = 0x18,
  kSwoBaudrate = 0x19,
  kSwoControl = 0x1A,
  kSwoStatus = 0x1B,
  kSwoData = 0x1C,
  kSwdSequence = 0x1D,
  kSwoExtendedStatus = 0x1E,
  kQueueCommands = 0x7E,
  kExecuteCommands = 0x7F,
  kInvalid = 0xFF,
};

inline constexpr uint8_t kStatusOk = 0x00;
inline constexpr uint8_t kStatusError = 0xFF;

// DAP_SWD_Sequence and DAP_JTAG_Sequence: the clock cycles that a sequence's info byte asks for, 1 to 64.
constexpr unsigned SequenceCycles(uint8_t info) { return (info & 0x3F) == 0 ? 64 : info & 0x3F; }
// The bytes that hold so many bits.
constexpr size_t BytesFor(unsigned bits) { return (bits + 7) / 8; }

// Transfer requests: bits 3:0 are those of the SWD request, APnDP first.
inline constexpr uint8_t kTransferAp = 1u << 0;
inline constexpr uint8_t kTransferRead = 1u << 1;
inline constexpr uint8_t kTransferAddress = 0x3 << 2;
inline constexpr uint8_t kTransferMatchValue = 1u << 4;
inline constexpr uint8_t kTransferMatchMask = 1u << 5;
inline constexpr uint8_t kTransferTimestamp = 1u << 7;

// Acknowledges of transfers: the three bits from the wire (over JTAG with OK and WAIT swapped), then the probe's own.
inline constexpr uint8_t kAckOk = 1;
inline constexpr uint8_t kAckWait = 2;
inline constexpr uint8_t kAckFault = 4;
inline constexpr uint8_t kAckProtocolError = 1u << 3;
inline constexpr uint8_t kAckMismatch = 1u << 4;

}  // namespace probegate::sim
