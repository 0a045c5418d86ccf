// DAP_Transfer as bytes (CMSIS-DAP 2.1, "Transfer Commands"): single transfers put one after the other into a request,
// and the words of its reply stored in their destinations. The meaning of the transfers, and so of the reply, is the
// encoders' business: probe/cmsis_dap/swd_encoder.h and probe/cmsis_dap/jtag_encoder.h. Bytes and no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

inline constexpr size_t kWordBytes = 4;

// The acknowledge of the last transfer.
inline constexpr uint8_t kAckMissing = 0;  // the probe ran none
inline constexpr uint8_t kAckOk = 1;
inline constexpr uint8_t kAckWait = 2;
inline constexpr uint8_t kAckFault = 4;
inline constexpr uint8_t kAckNone = 7;            // the target did not answer
inline constexpr uint8_t kAckMismatch = 1u << 4;  // a read with value match: the value did not match
inline constexpr uint8_t kAckErrorBit = 1u << 3;  // data with the wrong parity, or a protocol error

// A transfer's request byte: these, and A[3:2] in place.
inline constexpr uint8_t kRequestAp = 1u << 0;
inline constexpr uint8_t kRequestRead = 1u << 1;
inline constexpr uint8_t kMatchValue = 1u << 4;  // of a read: go on only if the value, masked, is the given one
inline constexpr uint8_t kMatchMask = 1u << 5;   // of a write: sets the mask; nothing is sent on the wire
uint8_t RequestByte(const TransferOp& op);

// How far a list of transfers got. `completed` is all of those asked for if `ack` is kAckOk, and fewer if not.
// `uncertain`: as in TransferResult.
struct TransferOutcome {
  uint8_t ack = kAckOk;
  size_t completed = 0;
  size_t uncertain = 0;
};

class TransferPacket {
 public:
  // What became of the data of the last transfer that was begun. It can only be in doubt if that transfer failed.
  enum class LastRead : uint8_t { kThere, kMissing, kUncertain };
  struct Reply {
    uint8_t ack = kAckOk;  // of the last transfer that was begun
    size_t begun = 0;      // of the transfers in the packet
    LastRead last_read = LastRead::kThere;
  };

  // For packets of up to `packet_size` bytes, request and reply. `padded`: a reply's length does not tell where it ends
  // (Transport::pads_replies).
  TransferPacket(size_t packet_size, bool padded);

  // How many transfers of one kind an empty packet can take.
  size_t Capacity(bool read) const;
  // Whether it can take these as well.
  bool HasRoom(size_t writes, size_t reads) const;

  // Which of the devices in the JTAG chain packets are for, from the next Clear on; 0 at first. SWD ignores it.
  void set_device(uint8_t device) { device_ = device; }

  void Clear();
  size_t size() const { return transfers_.size(); }
  absl::Span<const uint8_t> bytes() const { return bytes_; }

  // Adds a write, or a read with value match, whose value the device compares and does not return. False if there is no
  // room.
  bool AddWrite(uint8_t request, uint32_t value);
  // Adds a read. `destination` may be null, and must stay where it is until Decode. `late`: the wire sends the value
  // with the transfer after this one, so it does not come if that one fails. False if there is no room.
  bool AddRead(uint8_t request, uint32_t* destination, bool late);

  // Stores the values read in their destinations. Returns nothing if the reply is invalid; some values may have been
  // stored even then.
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;

 private:
  struct Transfer {
    bool read = false;
    bool late = false;
    uint32_t* destination = nullptr;
  };

  void Append(uint8_t request, const Transfer& transfer);

  const size_t packet_size_;
  const bool padded_;
  uint8_t device_ = 0;
  std::vector<uint8_t> bytes_;
  std::vector<Transfer> transfers_;
  size_t reply_size_ = 0;
};

}  // namespace probegate::cmsis_dap
