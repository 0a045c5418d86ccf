#include "probe/cmsis_dap/wire_chain.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "probe/cmsis_dap/jtag_commands.h"
#include "probe/cmsis_dap/jtag_search.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {

WireChain::WireChain(Channel& channel, Transfers& transfers, const WireClock& clock, size_t packet_size,
                     JtagChainSetting setting)
    : channel_(channel),
      transfers_(transfers),
      clock_(clock),
      packet_size_(packet_size),
      setting_(std::move(setting)) {}

void WireChain::Forget() {
  found_ = ConfiguredChain(setting_);
  in_doubt_ = false;
}

absl::Status WireChain::Restore() { return Apply(found_.value_or(SingleJtagDp())); }

absl::Status WireChain::Find() {
  if (found_) return absl::OkStatus();
  absl::StatusOr<JtagChain> chain = FindJtagChain(channel_, packet_size_, clock_.hertz(), setting_);
  if (IsRefusal(chain.status()) && setting_ == JtagChainSetting{}) {
    channel_.Assume("the probe does not run the sequences that find a JTAG chain; there is taken to be one TAP");
    chain = SingleJtagDp();
  }
  if (!chain.ok()) {
    if (IsError(chain.status(), ErrorKind::kTransferError)) channel_.observer().OnNoAck();
    return chain.status();
  }
  if (*chain != applied_) {
    if (absl::Status status = Apply(*chain); !status.ok()) return status;
  }
  found_ = *std::move(chain);
  return absl::OkStatus();
}

absl::Status WireChain::Doubt(const absl::Status& status) {
  in_doubt_ = true;
  if (applied_ == SingleJtagDp()) return status;
  return MakeError(
      GetError(status),
      absl::StrCat(status.message(), "; TAP ", applied_.device, " is taken for the debug port, of ",
                   applied_.ir_lengths.size(), " with IR lengths ", absl::StrJoin(applied_.ir_lengths, ", "),
                   "; if that is wrong, set jtag-chain under probes: in the configuration"));
}

void WireChain::NoteSequence() {
  if (in_doubt_) Forget();
}

absl::Status WireChain::Apply(const JtagChain& chain) {
  absl::Status status = channel_.Order(JtagConfigure{chain.ir_lengths});
  if (status.ok()) {
    applied_ = chain;
    transfers_.UseJtag(chain.device);
  }
  if (status.ok() || chain == SingleJtagDp() || IsError(status, ErrorKind::kProbeDisconnected)) return status;
  return MakeError(ErrorKind::kProbeError,
                   absl::StrCat("the probe does not accept a JTAG chain of ", chain.ir_lengths.size(),
                                " TAPs, with IR lengths ", absl::StrJoin(chain.ir_lengths, ", "),
                                "; its firmware may be limited to fewer TAPs: ", status.message()));
}

}  // namespace probegate::cmsis_dap
