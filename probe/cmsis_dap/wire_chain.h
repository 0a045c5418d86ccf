// The JTAG chain that the wire belongs to: finds it, and tells the device which of its TAPs the transfers are for.
//
// The chain is looked for before the first transfer, because only then are the pins sure to be in JTAG: until then the
// client may be switching a target from SWD. If the debug port gives no answer, the chain may have changed, so it is
// looked for again once a sequence has been sent.
//
// Threads: the channel's. Errors: those of Channel, and kTransferError if the chain cannot be understood
// (probe/cmsis_dap/jtag_chain.h).
#pragma once

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/jtag_chain.h"
#include "probe/cmsis_dap/transfers.h"
#include "probe/cmsis_dap/wire_clock.h"

namespace probegate::cmsis_dap {

class WireChain {
 public:
  // All references must outlive this. `setting` is what is known; the rest is found.
  WireChain(Channel& channel, Transfers& transfers, const WireClock& clock, size_t packet_size,
            JtagChainSetting setting);

  // Forgets what was found, because the wire has been connected anew.
  void Forget();

  // Tells the device what is known, after its port was connected for JTAG. A chain that is not known is taken for a
  // debug port alone.
  absl::Status Restore();

  // Finds the chain before a transfer, unless it is known.
  absl::Status Find();

  // The debug port did not answer a transfer. Returns the error to report: if other TAPs may have answered instead, it
  // says which is taken for the debug port.
  absl::Status Doubt(const absl::Status& status);
  // A sequence is about to be sent, which may bring the pins to another state.
  void NoteSequence();

 private:
  absl::Status Apply(const JtagChain& chain);

  Channel& channel_;
  Transfers& transfers_;
  const WireClock& clock_;
  const size_t packet_size_;
  const JtagChainSetting setting_;
  std::optional<JtagChain> found_;
  JtagChain applied_;      // what the device was told last
  bool in_doubt_ = false;  // the debug port did not answer, and no sequence has been sent since
};

}  // namespace probegate::cmsis_dap
