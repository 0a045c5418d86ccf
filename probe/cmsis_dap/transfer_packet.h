// DAP_Transfer and DAP_TransferBlock (CMSIS-DAP 2.1, "Transfer Commands") as packets, and what their replies say of how
// far the wire came. Bytes and no I/O.
//
// The firmware stops at the first transfer that fails and says how many it had begun; what it says of the last of these
// is not what a caller wants to know, since SWD posts accesses to an AP. Here that is put right: an AP read has
// completed when its data is there, a write when the transfer behind it was accepted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

// The acknowledge of the last transfer.
inline constexpr uint8_t kAckMissing = 0;  // the probe ran none
inline constexpr uint8_t kAckOk = 1;
inline constexpr uint8_t kAckWait = 2;
inline constexpr uint8_t kAckFault = 4;
inline constexpr uint8_t kAckNone = 7;            // the target did not answer
inline constexpr uint8_t kAckErrorBit = 1u << 3;  // data with the wrong parity, or a protocol error

// `completed` is all of the transfers asked for if `ack` is kAckOk, and fewer if not.
struct TransferOutcome {
  uint8_t ack = kAckOk;
  size_t completed = 0;
};

// One DAP_Transfer being put together from single transfers, then its reply taken apart. Made once and used over and
// over.
class TransferPacket {
 public:
  // For packets of up to `packet_size` bytes, request and reply.
  explicit TransferPacket(size_t packet_size);

  // How many transfers of one kind it can take.
  size_t Capacity(bool read) const;

  void Clear();
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // Adds word `index` of `op`; false where the packet is full. op.read must stay where it is until Decode.
  bool Add(const TransferOp& op, size_t index);

  absl::Span<const uint8_t> bytes() const { return bytes_; }

  // Puts what was read where it belongs. None where the reply makes no sense; then some of it may have been written.
  std::optional<TransferOutcome> Decode(absl::Span<const uint8_t> reply) const;

 private:
  struct Entry {
    bool write = false;
    bool ap_write = false;
    bool checks_write = false;  // a read of RDBUFF that nobody asked for
    uint32_t* destination = nullptr;
  };

  bool Append(const Entry& entry, uint8_t request, uint32_t value);

  const size_t packet_size_;
  std::vector<uint8_t> bytes_;
  std::vector<Entry> entries_;
  size_t reply_size_ = 0;
  size_t size_ = 0;
};

// One DAP_TransferBlock: all of `op`, which must have at most MaxBlockWords words. The size of the packet, 0 where it
// does not fit.
size_t MaxBlockWords(bool read, size_t packet_size);
size_t EncodeTransferBlock(const TransferOp& op, absl::Span<uint8_t> packet);
// As TransferPacket::Decode, for the block that `op` asked for.
std::optional<TransferOutcome> DecodeTransferBlock(const TransferOp& op, absl::Span<const uint8_t> reply);

}  // namespace probegate::cmsis_dap
