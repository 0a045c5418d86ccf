// The commands of CMSIS-DAP as values (Arm, CMSIS-DAP 2.1, "Debug Unit Information and Control", "SWJ Commands", "SWD
// Commands", "Transfer Commands"). Bytes and no I/O.
//
// Each command is a struct with an Encode that writes the request into a packet and answers its size, 0 where it does
// not fit. Each Decode takes a whole reply whose first byte names the command, and answers nothing where the reply
// cannot be one to the request. Replies are not to be trusted: no Decode reads beyond one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

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
  kSwoTransport = 0x17,
  kSwoMode = 0x18,
  kSwoBaudrate = 0x19,
  kSwoControl = 0x1A,
  kSwoStatus = 0x1B,
  kSwoData = 0x1C,
  kSwdSequence = 0x1D,
};

// The command's name in Arm's document. For messages.
const char* CommandName(Command command);

// Whether `reply` answers `command`: a device that does not know the command answers 0xFF instead.
bool Answers(absl::Span<const uint8_t> reply, Command command);
bool IsUnknownCommand(absl::Span<const uint8_t> reply);

// The status byte that answers HostStatus, Disconnect, TransferConfigure, WriteAbort, Delay, SwjClock, SwjSequence,
// SwdConfigure, JtagConfigure, and those of probe/cmsis_dap/swo.h that are answered so.
std::optional<bool> DecodeStatus(absl::Span<const uint8_t> reply);

// DAP_Info.
enum class InfoId : uint8_t {
  kVendor = 0x01,
  kProduct = 0x02,
  kSerialNumber = 0x03,
  kProtocolVersion = 0x04,
  kFirmwareVersion = 0x09,
  kCapabilities = 0xF0,
  kPacketCount = 0xFE,
  kPacketSize = 0xFF,
};
struct Info {
  InfoId id;
};
inline constexpr uint8_t kCapabilitySwd = 1u << 0;
inline constexpr uint8_t kCapabilityJtag = 1u << 1;
inline constexpr uint8_t kCapabilitySwoUart = 1u << 2;
inline constexpr uint8_t kCapabilitySwoStream = 1u << 6;
size_t Encode(const Info& command, absl::Span<uint8_t> packet);
std::optional<absl::Span<const uint8_t>> DecodeInfo(absl::Span<const uint8_t> reply);
// Of what DecodeInfo answered: a string ends at its first zero; a number is little endian, of one or two bytes.
std::string InfoText(absl::Span<const uint8_t> info);
std::optional<unsigned> InfoNumber(absl::Span<const uint8_t> info);

// DAP_HostStatus: the LED that says that a debugger is connected.
struct HostConnected {
  bool connected;
};
size_t Encode(const HostConnected& command, absl::Span<uint8_t> packet);

// DAP_Connect for SWD or JTAG, and DAP_Disconnect. Decode: whether the port could be had.
struct Connect {
  bool jtag;
};
size_t Encode(const Connect& command, absl::Span<uint8_t> packet);
std::optional<bool> DecodeConnect(const Connect& command, absl::Span<const uint8_t> reply);
struct Disconnect {};
size_t Encode(const Disconnect& command, absl::Span<uint8_t> packet);

// DAP_TransferConfigure. `wait_retries`: how often a transfer that answers WAIT is tried again.
struct TransferConfigure {
  uint8_t idle_cycles;
  uint16_t wait_retries;
};
size_t Encode(const TransferConfigure& command, absl::Span<uint8_t> packet);

// DAP_TransferAbort: ends a transfer that is under way. The only command without a reply.
struct TransferAbort {};
size_t Encode(const TransferAbort& command, absl::Span<uint8_t> packet);

// DAP_WriteABORT: writes the DP's ABORT, whatever state transfers are in.
struct WriteAbort {
  uint32_t value;
};
size_t Encode(const WriteAbort& command, absl::Span<uint8_t> packet);

// DAP_Delay: the device waits. 1 to 65535 µs.
struct Delay {
  uint16_t microseconds;
};
size_t Encode(const Delay& command, absl::Span<uint8_t> packet);

// DAP_ResetTarget. Decode: whether the device has a reset sequence of its own and ran it.
struct ResetTarget {};
size_t Encode(const ResetTarget& command, absl::Span<uint8_t> packet);
std::optional<bool> DecodeResetTarget(absl::Span<const uint8_t> reply);

// DAP_SWJ_Pins: sets the pins in `select` to `output`, waits up to `wait_microseconds` (at most 3 s) until they read
// so, and answers all pins.
inline constexpr uint8_t kPinReset = 1u << 7;  // nRESET: low is asserted
struct SwjPins {
  uint8_t output;
  uint8_t select;
  uint32_t wait_microseconds;
};
size_t Encode(const SwjPins& command, absl::Span<uint8_t> packet);
std::optional<uint8_t> DecodeSwjPins(absl::Span<const uint8_t> reply);

struct SwjClock {
  uint32_t hertz;
};
size_t Encode(const SwjClock& command, absl::Span<uint8_t> packet);

// Of a full-speed USB device; no CMSIS-DAP device has smaller packets, and commands are made for no smaller ones.
inline constexpr size_t kSmallestPacket = 64;

// DAP_SWJ_Sequence: 1 to 256 bits.
inline constexpr size_t kMaxSwjBits = 256;
struct SwjSequence {
  size_t bit_count;
  absl::Span<const uint8_t> bits;
};
size_t Encode(const SwjSequence& command, absl::Span<uint8_t> packet);

// DAP_SWD_Configure: one clock of turnaround, no data phase behind WAIT and FAULT.
struct SwdConfigure {};
size_t Encode(const SwdConfigure& command, absl::Span<uint8_t> packet);

// DAP_SWD_Sequence, as many of `segments` as fit in a request and a reply of `packet`'s size: FitSwdSegments says how
// many (at least one where any fits). Decode: the captured bytes of each capturing segment.
size_t FitSwdSegments(absl::Span<const SwdSegment> segments, size_t packet_size);
struct SwdSequence {
  absl::Span<const SwdSegment> segments;
};
size_t Encode(const SwdSequence& command, absl::Span<uint8_t> packet);
std::optional<std::vector<std::vector<uint8_t>>> DecodeSwdSequence(const SwdSequence& command,
                                                                   absl::Span<const uint8_t> reply);

// DAP_JTAG_Configure: a chain of one device, whose instructions have four bits, as those of a JTAG-DP (ADIv5.2 §B3.2).
struct JtagConfigure {};
size_t Encode(const JtagConfigure& command, absl::Span<uint8_t> packet);

// DAP_JTAG_Sequence of a whole stretch, which must have at most MaxJtagCycles. Decode: what was captured.
size_t MaxJtagCycles(size_t packet_size);
struct JtagSequence {
  JtagStretch stretch;
};
size_t Encode(const JtagSequence& command, absl::Span<uint8_t> packet);
std::optional<std::vector<uint8_t>> DecodeJtagSequence(const JtagSequence& command, absl::Span<const uint8_t> reply);

}  // namespace probegate::cmsis_dap
