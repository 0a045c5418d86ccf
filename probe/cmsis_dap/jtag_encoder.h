// TransferEncoder for JTAG (ADIv5.2 §B3.4).
//
// Over JTAG, a DP gives the same acknowledge to a transfer that it carries out and to one that it discards because an
// earlier access failed. So each packet contains its own checks: after each operation on an AP it reads CTRL/STAT with
// a value match for "no sticky flag set". If a flag is set, the firmware stops there, as it does at a FAULT over SWD.
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

  // Which of the devices in the chain the next packets are for; 0 at first.
  void set_device(uint8_t device) { packet_.set_device(device); }

  // A reply was lost, or the link was established again: the value of SELECT is unknown.
  void ForgetSelect() { select_.reset(); }

  // These three make a whole packet, in place of Clear, Add and Close. The first checks whether the `accesses` to an AP
  // that were sent before this packet have failed; its outcome counts those accesses. The other two read CTRL/STAT into
  // `value`, and write it: over JTAG, flags are cleared in CTRL/STAT, and ABORT has an instruction of its own.
  void MakeCheck(size_t accesses);
  void MakeStatusRead(uint32_t& value);
  void MakeStatusWrite(uint32_t value);

 private:
  // What a transfer of the packet is.
  enum class Kind : uint8_t {
    kDp,
    kAp,
    kCheck,  // a read of CTRL/STAT whose value the probe compares
    kOwn,    // any other transfer that a check of the flags needs
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
  std::optional<TransferOutcome> OutcomeOf(const TransferPacket::Reply& reply) const;

  TransferPacket packet_;
  std::vector<Entry> entries_;  // of the packet's transfers
  size_t size_ = 0;

  bool mask_sent_ = false;                 // with this packet
  size_t unchecked_ = 0;                   // accesses to an AP since the last check of the flags
  size_t unchecked_before_ = 0;            // those of them that were sent before this packet
  std::optional<uint32_t> select_;         // on the wire, as far as these packets know; it may be in another bank
  std::optional<uint32_t> select_before_;  // before this packet
};

}  // namespace probegate::cmsis_dap
