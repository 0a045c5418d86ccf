// DAP_Transfer and DAP_TransferBlock (CMSIS-DAP 2.1, "Transfer Commands") as packets, and what their replies say of how
// far the wire came. Bytes and no I/O.
//
// The firmware stops at the first transfer that fails and says how many it had begun; what it says of the last of these
// is not what a caller wants to know, since SWD posts accesses to an AP. Here that is put right: an AP read has
// completed when its data is there, a write when the transfer behind it was accepted.
//
// Over JTAG a DP acknowledges alike what it does and what it discards because an access failed, so a packet looks for
// itself: behind each operation on an AP it reads CTRL/STAT, with a match for no sticky flag. Where one is set the
// firmware stops there, as it does at a FAULT over SWD.
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
inline constexpr uint8_t kAckMismatch = 1u << 4;  // a read with match: the value was another
inline constexpr uint8_t kAckErrorBit = 1u << 3;  // data with the wrong parity, or a protocol error

// `completed` is all of the transfers asked for if `ack` is kAckOk, and fewer if not. `uncertain`: as in
// TransferResult.
struct TransferOutcome {
  uint8_t ack = kAckOk;
  size_t completed = 0;
  size_t uncertain = 0;
};

// One DAP_Transfer being put together from single transfers, then its reply taken apart. Made once and used over and
// over.
class TransferPacket {
 public:
  // For packets of up to `packet_size` bytes, request and reply. `padded`: a reply's length does not tell where it ends
  // (Transport::pads_replies), nor so whether the last read that was begun has come: it is uncertain.
  explicit TransferPacket(size_t packet_size, bool padded = false);

  // How many transfers of one kind it can take.
  size_t Capacity(bool read) const;

  void Clear();
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // From the next Clear on, packets are for JTAG or not. What SELECT holds is not known then.
  void UseJtag(bool jtag);

  // Adds word `index` of `op`; false where the packet is full. op.read must stay where it is until Decode.
  bool Add(const TransferOp& op, size_t index);

  // Nothing comes any more. `unchecked_before`: over JTAG, how many accesses to an AP went before this packet and are
  // to be looked after, too.
  void Close(size_t unchecked_before = 0);

  absl::Span<const uint8_t> bytes() const { return bytes_; }

  // Puts what was read where it belongs. None where the reply makes no sense; then some of it may have been written.
  std::optional<TransferOutcome> Decode(absl::Span<const uint8_t> reply);

  // The reply was lost.
  void ForgetSelect() { select_.reset(); }

  // Over JTAG ABORT has an instruction of its own, and flags are cleared in CTRL/STAT. These two make packets of their
  // own: a read of CTRL/STAT into `value`, and a write.
  void MakeStatusRead(uint32_t& value);
  void MakeStatusWrite(uint32_t value);

 private:
  struct Entry {
    bool write = false;
    bool ap_write = false;
    bool ap_read = false;
    bool unasked = false;  // a read of RDBUFF, or what belongs to a look at the sticky flags
    bool match = false;    // a read of CTRL/STAT whose value is compared by the probe
    uint32_t* destination = nullptr;
    std::optional<uint32_t> select_after;  // over JTAG
  };

  bool Append(Entry entry, uint8_t request, uint32_t value);
  bool HasRoom(size_t request_bytes, size_t reply_bytes, size_t entries) const;
  bool AddOverJtag(const TransferOp& op, size_t index);
  void AppendSelect(uint32_t value);
  void AppendStickyCheck();
  void AppendToStatus(const Entry& entry, uint8_t request, uint32_t value);
  std::optional<TransferOutcome> DecodeOverJtag(absl::Span<const uint8_t> reply);
  std::optional<TransferOutcome> JudgeOverJtag(uint8_t ack, size_t begun, bool data_missing) const;

  const size_t packet_size_;
  const bool padded_;
  std::vector<uint8_t> bytes_;
  std::vector<Entry> entries_;
  size_t reply_size_ = 0;
  size_t size_ = 0;

  bool jtag_ = false;
  bool mask_sent_ = false;                 // with this packet
  size_t unchecked_ = 0;                   // AP accesses that no look at the flags has come behind
  size_t unchecked_before_ = 0;            // those of them in front of this packet
  std::optional<uint32_t> select_;         // on the wire, as far as these packets know; it may be in another bank
  std::optional<uint32_t> select_before_;  // in front of this packet
};

// One DAP_TransferBlock: all of `op`, which must have at most MaxBlockWords words. The size of the packet, 0 where it
// does not fit.
size_t MaxBlockWords(bool read, size_t packet_size);
size_t EncodeTransferBlock(const TransferOp& op, absl::Span<uint8_t> packet);
// As TransferPacket::Decode, for the block that `op` asked for.
std::optional<TransferOutcome> DecodeTransferBlock(const TransferOp& op, absl::Span<const uint8_t> reply);

}  // namespace probegate::cmsis_dap
