// Encodes operations as the transfers of one DAP_Transfer, and decodes from the reply how far they got. There is one
// encoder for each wire protocol.
//
// The firmware stops at the first transfer that fails, and reports how many it had begun. Whether the last of these has
// completed depends on the protocol; the encoder works it out. Bytes and no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "probe/cmsis_dap/command.h"
#include "probe/cmsis_dap/transfer_packet.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

// A command in the sense of probe/cmsis_dap/command.h. Made once and used over and over: Clear, Add until the packet is
// full or there is no more, Close, and then Decode of its reply.
class TransferEncoder {
 public:
  static constexpr Command kCommand = Command::kTransfer;
  using Reply = TransferOutcome;

  virtual ~TransferEncoder() = default;
  TransferEncoder(const TransferEncoder&) = delete;
  TransferEncoder& operator=(const TransferEncoder&) = delete;

  // How many transfers of one kind a packet can take.
  virtual size_t Capacity(bool read) const = 0;

  virtual void Clear() = 0;

  // Adds word `index` of `op`; false if the packet is full. op.read must stay where it is until Decode.
  virtual bool Add(const TransferOp& op, size_t index) = 0;

  // There is no more to come.
  virtual void Close() = 0;

  // How many words were added.
  virtual size_t size() const = 0;
  bool empty() const { return size() == 0; }

  // The request.
  virtual absl::Span<const uint8_t> bytes() const = 0;

  // Stores the values read in the ops. Returns nothing if the reply is invalid; some values may have been stored even
  // then.
  virtual std::optional<TransferOutcome> Decode(absl::Span<const uint8_t> reply) = 0;

 protected:
  TransferEncoder() = default;
};

}  // namespace probegate::cmsis_dap
