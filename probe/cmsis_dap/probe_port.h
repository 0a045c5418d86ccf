// The device's port (what DAP_Connect connects), and nRESET, which is a pin of that port but is used independently of
// the wire.
//
// A CMSIS-DAP device drives its pins from DAP_Connect to DAP_Disconnect. At other times DAP_SWJ_Pins may do nothing.
// The port has two users: the wire, from Connect to Disconnect, and nRESET, while it is held low or pulsed. DAP_Connect
// sets nRESET high, and DAP_Disconnect lets all pins float (Arm's DAP.c: PORT_SWD_SETUP, PORT_JTAG_SETUP, PORT_OFF). So
// the port is connected when its first user comes and disconnected when its last user goes. While nRESET is held, a
// connect for the protocol that the port already has sends nothing, and one for the other protocol is followed by
// asserting nRESET again.
//
// Many devices are built without the input of nRESET, which then always reads low or always high. So a reading is
// believed only after both levels have been read since the device was identified.
//
// Threads: the channel's. Errors: those of Channel.
#pragma once

#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

class ProbePort {
 public:
  // `channel` must outlive this.
  explicit ProbePort(Channel& channel) : channel_(channel) {}

  // Connects the port for the wire, with `protocol`: SWD or JTAG. If that fails, the wire is not connected.
  absl::Status Connect(WireProtocol protocol);
  // The wire no longer needs the port.
  absl::Status Disconnect();
  // The wire's protocol; nothing if the wire is not connected.
  std::optional<WireProtocol> wire() const { return wire_; }

  // Holds nRESET low, until HoldReset(false) or Close. If that fails, it is held if it was before. A release counts
  // even if it fails: without another user the port is disconnected, which lets nRESET float.
  absl::Status HoldReset(bool low);
  // Runs the device's own reset sequence, or pulses nRESET. Does nothing while nRESET is held. kProbeError if nRESET
  // then stays low.
  absl::Status PulseReset();
  // Whether nRESET is low: what it reads if the port is connected and its reading can be believed, else whether it is
  // held.
  absl::StatusOr<bool> IsResetLow();

  // After the device was reset: connects the port again for whoever needs it, and asserts nRESET again if it is held.
  absl::Status Restore();

  // Lets go of nRESET and of the port.
  void Close();

 private:
  // Connects the port for `protocol`, unless it already is.
  absl::Status Join(WireProtocol protocol);
  absl::Status Switch(WireProtocol protocol);
  // Disconnects the port, unless it is needed or not connected.
  absl::Status LeaveUnlessNeeded();
  absl::Status RunReset();
  absl::Status Pulse();
  void LetGo();
  // Drives nRESET if `low` says how, waits up to `wait` until it reads so, and returns whether it reads low.
  absl::StatusOr<bool> Pin(std::optional<bool> low, std::chrono::microseconds wait);
  bool believed() const { return read_low_ && read_high_; }

  Channel& channel_;
  // The port's users.
  std::optional<WireProtocol> wire_;
  bool held_ = false;
  // The device's state: whether it drives its pins, and for which protocol. `driven_` without a protocol means that the
  // last DAP_Connect failed, so the state is not known.
  bool driven_ = false;
  std::optional<WireProtocol> device_;
  WireProtocol last_ = WireProtocol::kSwd;  // the one that the wire had last, which it will probably have again
  bool read_low_ = false;
  bool read_high_ = false;
};

}  // namespace probegate::cmsis_dap
