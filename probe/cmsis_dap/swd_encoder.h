// TransferEncoder for SWD, which posts accesses to an AP: an AP read has completed when its data is there, a write when
// the transfer after it was accepted (ADIv5.2 §B4.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "probe/cmsis_dap/transfer_encoder.h"

namespace probegate::cmsis_dap {

class SwdEncoder final : public TransferEncoder {
 public:
  // As TransferPacket. If replies are padded, it is not known whether the value of the last read that was begun has
  // arrived: that read is uncertain.
  explicit SwdEncoder(size_t packet_size, bool padded = false);

  size_t Capacity(bool read) const override { return packet_.Capacity(read); }
  void Clear() override;
  bool Add(const TransferOp& op, size_t index) override;
  void Close() override {}
  size_t size() const override { return size_; }
  absl::Span<const uint8_t> bytes() const override { return packet_.bytes(); }
  std::optional<TransferOutcome> Decode(absl::Span<const uint8_t> reply) override;

 private:
  // What a transfer of the packet is.
  enum class Kind : uint8_t {
    kRead,
    kDpWrite,
    kApWrite,
    kCheck,  // a read of RDBUFF, which no caller asked for
  };

  bool LastHasLanded(size_t begun) const;

  TransferPacket packet_;
  std::vector<Kind> kinds_;  // of the packet's transfers
  size_t size_ = 0;
};

}  // namespace probegate::cmsis_dap
