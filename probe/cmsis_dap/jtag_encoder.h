// TransferEncoder for JTAG (ADIv5.2 §B3.4).
//
// Over JTAG a DP acknowledges alike what it does and what it discards because an access failed, so a packet looks for
// itself: after each operation on an AP it reads CTRL/STAT, with a match for no sticky flag. If one is set the firmware
// stops there, as it does at a FAULT over SWD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "probe/cmsis_dap/transfer_encoder.h"

namespace probegate::cmsis_dap {

class JtagEncoder final : public TransferEncoder {
 public:
  // As TransferPacket.
  explicit JtagEncoder(size_t packet_size, bool padded = false);

  size_t Capacity(bool read) const override;
  void Clear() override;
  bool Add(const TransferOp& op, size_t index) override;
  void Close() override { AppendStickyCheck(); }
  size_t size() const override { return size_; }
  absl::Span<const uint8_t> bytes() const override { return packet_.bytes(); }
  std::optional<TransferOutcome> Decode(absl::Span<const uint8_t> reply) override;

  // A reply was lost, or the link has been made anew: what SELECT holds is not known.
  void ForgetSelect() { select_.reset(); }

  // These three make a packet of their own, in place of Clear, Add and Close. The first looks whether `accesses` to an
  // AP, which went before this packet, have failed; they are what its outcome counts. ABORT has an instruction of its
  // own over JTAG, and flags are cleared in CTRL/STAT: so the others read CTRL/STAT into `value`, and write it.
  void MakeCheck(size_t accesses);
  void MakeStatusRead(uint32_t& value);
  void MakeStatusWrite(uint32_t value);

 private:
  // What a transfer of the packet is.
  enum class Kind : uint8_t {
    kDp,
    kAp,
    kCheck,  // a read of CTRL/STAT whose value the probe compares
    kOwn,    // what else belongs to a look at the flags
  };
  struct Entry {
    Kind kind;
    std::optional<uint32_t> select_after;
  };

  void AppendWrite(Kind kind, uint8_t request, uint32_t value);
  void AppendRead(Kind kind, uint8_t request, uint32_t* destination);
  void AppendSelect(uint32_t value);
  void AppendStickyCheck();
  template <typename Append>
  void InStatusBank(Append append);
  std::optional<TransferOutcome> Judge(const TransferPacket::Reply& reply) const;

  TransferPacket packet_;
  std::vector<Entry> entries_;  // of the packet's transfers
  size_t size_ = 0;

  bool mask_sent_ = false;                 // with this packet
  size_t unchecked_ = 0;                   // accesses to an AP since the flags were last looked at
  size_t unchecked_before_ = 0;            // those of them that went before this packet
  std::optional<uint32_t> select_;         // on the wire, as far as these packets know; it may be in another bank
  std::optional<uint32_t> select_before_;  // before this packet
};

}  // namespace probegate::cmsis_dap
