// Probe::Transfer on a CMSIS-DAP device: distributes operations over packets, and combines the outcomes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/jtag_encoder.h"
#include "probe/cmsis_dap/swd_encoder.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

class Transfers {
 public:
  // Packets of up to `packet_size` bytes, `packet_count` of them with the device at once.
  Transfers(Channel& channel, size_t packet_size, size_t packet_count);

  // Determines how long transfers may take: the clock is `hertz`, and the target may answer WAIT for `wait_bound` in
  // each packet.
  void SetPace(uint32_t hertz, std::chrono::milliseconds wait_bound);

  // Which protocol the wire has; SWD at first. `device` is the debug port's number in the JTAG chain.
  void UseSwd() { Use(false, 0); }
  void UseJtag(uint8_t device) { Use(true, device); }

  // As Probe::Transfer. Operations that follow each other share a packet, and no packet goes out before the previous
  // one has been answered, unless both are of one operation that is longer than a packet. If the target answers WAIT
  // for too long, the AP's access is aborted (DAPABORT), so that the AP is free for the next user.
  //
  // What is in flight together takes no longer than one packet may (kLongestPacket), so that an interrupt need not wait
  // for more.
  //
  // Firmware may hold fewer packets than it says: it loses those for which it has no room. So once a reply is missing,
  // or does not fit, after several packets were with the device at once, it gets only one at a time from then on. None
  // of the packets of that operation is known to have been carried out.
  TransferResult Run(absl::Span<const TransferOp> ops);

 private:
  // Where in a list of operations: the word that comes next.
  struct Cursor {
    size_t op = 0;
    size_t word = 0;
  };

  void Use(bool jtag, uint8_t device);
  TransferResult RunPacket(absl::Span<const TransferOp> ops, Cursor& cursor);
  TransferResult RunBlock(const TransferOp& op);
  TransferResult SendBlocks(const TransferOp& op);
  absl::Status StepDown(const absl::Status& why);
  TransferResult CheckBlock(size_t words);
  TransferResult RunAbort(const TransferOp& op);
  TransferResult AskEncoded(TransferEncoder& encoder, size_t words);
  TransferEncoder& encoder();
  bool IsAbort(const TransferOp& op) const;
  absl::Status StatusOfAck(uint8_t ack);
  void AbortAccess();
  std::chrono::microseconds Busy(size_t transfers) const;
  // How many transfers take kLongestPacket.
  size_t TransfersPerPacket() const;

  Channel& channel_;
  const size_t packet_size_;
  size_t packet_count_;
  bool jtag_ = false;  // which of the two encoders is in use
  uint8_t device_ = 0;
  SwdEncoder swd_encoder_;
  JtagEncoder jtag_encoder_;
  uint32_t hertz_ = 0;
  std::chrono::milliseconds wait_bound_{0};
};

}  // namespace probegate::cmsis_dap
