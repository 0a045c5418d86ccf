// The commands of CMSIS-DAP as values, except those for transfers, JTAG and SWO (Arm, CMSIS-DAP 2.1, "Debug Unit
// Information and Control", "SWJ Commands", "SWD Commands", "Transfer Commands"). probe/cmsis_dap/command.h says what a
// command is. Bytes and no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/hex.h"
#include "probe/cmsis_dap/command.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

// The packet size of a full-speed USB device, the shortest that Arm's document knows. Every command fits in a packet of
// this size. Some home-made devices say that theirs are shorter: SWD works down to kSmallestPacket, JTAG does not.
inline constexpr size_t kUsualPacket = 64;
inline constexpr size_t kSmallestPacket = 32;
inline constexpr size_t kLargestPacket = 16384;  // larger than any device's; the size must be limited

// A packet size that a device, or a setting, gives is used only if this is true.
constexpr bool IsUsablePacketSize(size_t size) { return size >= kSmallestPacket && size <= kLargestPacket; }

// DAP_Info.
enum class InfoId : uint8_t {
  kVendor = 0x01,
  kProduct = 0x02,
  kSerialNumber = 0x03,
  kProtocolVersion = 0x04,
  kTargetVendor = 0x05,
  kTargetName = 0x06,
  kBoardVendor = 0x07,
  kBoardName = 0x08,
  kFirmwareVersion = 0x09,
  kCapabilities = 0xF0,
  kPacketCount = 0xFE,
  kPacketSize = 0xFF,
};
inline constexpr uint8_t kCapabilitySwd = 1u << 0;
inline constexpr uint8_t kCapabilityJtag = 1u << 1;
inline constexpr uint8_t kCapabilitySwoUart = 1u << 2;
inline constexpr uint8_t kCapabilitySwoStream = 1u << 6;

struct Info {
  static constexpr Command kCommand = Command::kInfo;
  struct Reply {
    absl::Span<const uint8_t> bytes;  // the whole reply, without what may follow it in its packet

    absl::Span<const uint8_t> value() const;
    // A string ends at its first zero. Its encoding is unknown.
    std::string Text() const;
    // Of one to four bytes; nothing if the value is longer, or empty.
    std::optional<uint32_t> Number() const;
  };
  InfoId id;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return Hex(static_cast<uint8_t>(id), 2); }
  // A value that is shorter than its length says is taken as it is.
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

// DAP_HostStatus: the LED that says that a debugger is connected.
struct HostConnected {
  static constexpr Command kCommand = Command::kHostStatus;
  using Reply = Done;
  bool connected;

  size_t Encode(absl::Span<uint8_t> packet) const;
};

// DAP_Connect for SWD or JTAG.
struct Connect {
  static constexpr Command kCommand = Command::kConnect;
  struct Reply {
    bool connected;  // for the protocol that was asked for
    uint8_t port;    // the one that the device has connected; 0 for none
  };
  bool jtag;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return jtag ? "JTAG" : "SWD"; }
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

struct Disconnect {
  static constexpr Command kCommand = Command::kDisconnect;
  using Reply = Done;

  size_t Encode(absl::Span<uint8_t> packet) const;
};

// DAP_TransferConfigure.
struct TransferConfigure {
  static constexpr Command kCommand = Command::kTransferConfigure;
  using Reply = Done;
  uint8_t idle_cycles;
  uint16_t wait_retries;  // how often a transfer that answers WAIT is tried again

  size_t Encode(absl::Span<uint8_t> packet) const;
};

// DAP_TransferAbort: ends a transfer that is in progress. The only command without a reply.
struct TransferAbort {
  static constexpr Command kCommand = Command::kTransferAbort;

  size_t Encode(absl::Span<uint8_t> packet) const;
};

// DAP_WriteABORT: writes the DP's ABORT, whatever state transfers are in.
struct WriteAbort {
  static constexpr Command kCommand = Command::kWriteAbort;
  using Reply = Done;
  uint32_t value;
  uint8_t device = 0;  // in the JTAG chain

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return Hex(value); }
};

// DAP_Delay: the device waits.
struct Delay {
  static constexpr Command kCommand = Command::kDelay;
  using Reply = Done;
  uint16_t microseconds;  // 1 or more

  size_t Encode(absl::Span<uint8_t> packet) const;
};

// DAP_ResetTarget.
struct ResetTarget {
  static constexpr Command kCommand = Command::kResetTarget;
  struct Reply {
    bool was_reset;  // the device has a reset sequence of its own, and ran it
  };

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

// DAP_SWJ_Pins: sets the pins in `select` to `output`, and waits up to `wait_microseconds` (at most 3 s) until they
// read so.
inline constexpr uint8_t kPinReset = 1u << 7;  // nRESET: low is asserted
struct SwjPins {
  static constexpr Command kCommand = Command::kSwjPins;
  struct Reply {
    uint8_t pins;  // all of them
  };
  uint8_t output;
  uint8_t select;
  uint32_t wait_microseconds;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const;
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

struct SwjClock {
  static constexpr Command kCommand = Command::kSwjClock;
  using Reply = Done;
  uint32_t hertz;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return std::to_string(hertz); }
};

// DAP_SWJ_Sequence.
struct SwjSequence {
  static constexpr Command kCommand = Command::kSwjSequence;
  using Reply = Done;
  static constexpr size_t kMaxBits = 256;  // their count is a byte; 0 stands for 256
  size_t bit_count;                        // 1 to kMaxBits
  absl::Span<const uint8_t> bits;

  // The most bits, in whole bytes, that fit in a packet.
  static size_t MaxBits(size_t packet_size);
  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return std::to_string(bit_count) + " bits"; }
};

// DAP_SWD_Configure: one clock of turnaround, no data phase after WAIT and FAULT.
struct SwdConfigure {
  static constexpr Command kCommand = Command::kSwdConfigure;
  using Reply = Done;

  size_t Encode(absl::Span<uint8_t> packet) const;
};

// DAP_SWD_Sequence. No more segments than Fit says.
struct SwdSequence {
  static constexpr Command kCommand = Command::kSwdSequence;
  using Reply = std::vector<std::vector<uint8_t>>;  // the bytes of each capturing segment
  absl::Span<const SwdSegment> segments;

  // How many of `segments`, from the first on, fit in a request and a reply of `packet_size`.
  static size_t Fit(absl::Span<const SwdSegment> segments, size_t packet_size);
  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return std::to_string(segments.size()) + " segments"; }
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

}  // namespace probegate::cmsis_dap
