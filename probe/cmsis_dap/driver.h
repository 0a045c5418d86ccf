// The driver for probes that speak CMSIS-DAP (Arm, CMSIS-DAP 2.1), over any Transport: SWD and JTAG.
//
// Over JTAG, transfers go to one debug port in a chain of TAPs. The chain is found before the first transfer after
// Connect, when the pins have been switched to JTAG: two scans, which go through Test-Logic-Reset and end in
// Run-Test/Idle, show the TAPs and their IR lengths (probe/cmsis_dap/jtag_chain.h). An Arm DAP that is alone takes one
// scan. The chain is found again before the first transfer after a sequence, if the debug port did not answer before
// that sequence. If it cannot be found, the transfer fails with kTransferError and nothing is transferred. Sequences
// always go out as they are; what they do to the whole chain is the caller's business.
//
// A WAIT is tried again by the probe itself, as often as fits into `wait_bound` at the wire's clock; the driver does
// not send anything again, because what follows in the same packet may depend on it. After that the AP's access is
// aborted (DAPABORT). A FAULT is reported, and the sticky flags left for the caller to clear.
//
// A device that refuses a command which it can do without is used without it (probe/cmsis_dap/command.h).
//
// If a reply is lost, late or another command's, its operation fails (kProbeError; it may or may not have been carried
// out), but the probe remains usable: see channel.h. Noticing this takes up to `reply_timeout`. A dead probe counts as
// gone after four times that over USB, plus the time that the transport needs to restore the link twice; over TCP after
// three times that, plus up to a second for a new connection. If the device had to be reset or connected again for
// that, the next operation first restores its settings: connection, clock, nRESET, SWO. So sessions continue; on the
// wire, the target has seen a probe connect.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/probe_settings.h"
#include "probe/cmsis_dap/transport.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

struct Options {
  std::chrono::milliseconds reply_timeout{1000};     // beyond what the command itself takes
  std::chrono::milliseconds identify_timeout{6000};  // for all that is asked to identify the device
  std::chrono::milliseconds wait_bound{100};
  uint32_t default_clock = 1'000'000;  // hertz; a rate that every target can follow
  uint32_t max_clock = UINT32_MAX;     // hertz; the highest that is set, whatever is asked for
  std::string fallback_id;             // unique ID of a device that has no serial number
  // How many packets the device holds at once, and their size in bytes, instead of what it says itself. The transport's
  // limit still applies, and a size that is not usable (probe/cmsis_dap/protocol.h) is ignored.
  std::optional<size_t> packet_count;
  std::optional<size_t> packet_size;
  // What is known about the device from elsewhere. Its unique ID, vendor and product, if not empty, replace the
  // device's own.
  ProbeInfo known;
  // Returns the settings for a device, called once it has been identified. They win over what the device says about
  // itself, but packets are never longer than the transport's. If empty, there are no settings.
  std::function<ChosenSettings(const ProbeInfo& info)> settings;
  JtagChainSetting jtag_chain;  // what is known about the JTAG chain, if no setting has it; the rest is found
};

// Identifies the device at the other end of `transport`, nothing more. What it does not say, or says in a form that
// cannot be right, has a safe value, which is reported as an assumption. Errors: kProbeDisconnected; kProbeError if it
// is not a CMSIS-DAP device with SWD, has no unique ID, or answers so slowly that `identify_timeout` passes.
absl::StatusOr<std::unique_ptr<Probe>> OpenCmsisDap(std::unique_ptr<Transport> transport, const Options& options);

}  // namespace probegate::cmsis_dap
