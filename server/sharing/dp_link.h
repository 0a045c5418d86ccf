// The link to the target's DP, and the power that is requested through it, for all sessions that are connected.
//
// The DP is woken when a session first needs it. After raw sequences, resets and lost ACKs it belongs to the session
// that caused them; before another session is served, the link is established again. If that fails, the other sessions'
// errors name the session that caused it.
//
// Power requests are OR-ed over the sessions: the wire's CTRL/STAT asks for what any of them asks for, and never for
// system power without debug power. Before debug power goes, each MEM-AP gets back the CSW that it was found with.
//
// Threads: one; in the server the lane's. Methods block for as long as the probe takes. Errors: those of probe/error.h.
// CTRL/STAT is documented in ADIv5.2 §B2.2.2.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probe/probe.h"
#include "server/sharing/session_state.h"
#include "server/sharing/wire_state.h"

namespace probegate {

class DpLink {
 public:
  // Both must outlive this. `wire` is a new WireState each time that the probe has been connected.
  DpLink(Probe& probe, WireState& wire) : probe_(probe), wire_(wire) {}
  DpLink(const DpLink&) = delete;
  DpLink& operator=(const DpLink&) = delete;

  // `session` is connected from now on. It must stay where it is until it has been removed.
  void Add(SessionState& session) { users_.push_back(&session); }
  // Withdraws the power requests that only `session` made, if the probe still answers. Afterwards, nothing in WireState
  // refers to `session`.
  void Remove(SessionState& session);

  // Whether `session` may use the wire as it is: no other session has touched it, it is the session's target that is
  // selected and, if `needs_link`, the DP has answered.
  bool IsFit(const SessionState& session, bool needs_link) const;
  // Makes the wire fit in this sense; does nothing if it already is.
  absl::Status Prepare(SessionState& session, bool needs_link);

  // After a failed transfer of `session`'s: clears the sticky flags, or notes that the DP is lost. Returns
  // kProbeDisconnected if the probe is gone, else OK.
  absl::Status Recover(const SessionState& session, const absl::Status& failure);

  // Writes TARGETSEL, which selects one DP of a multi-drop wire (ADIv5.2 §B4.3.4).
  absl::Status SelectTarget(SessionState& session, uint32_t value);

  // The session's write to CTRL/STAT. kUnsupported for overrun detection and pushed transfers.
  absl::Status WriteControlStatus(SessionState& session, uint32_t value);
  // Asks for debug and system power on behalf of `session`, and waits until the target acknowledges both.
  absl::Status RequestPower(SessionState& session);

 private:
  absl::Status Relink(SessionState& session);
  absl::Status RelinkFailed(const SessionState& session, const absl::Status& why);

  // The server's own transfers on behalf of `session`, which is held responsible if they fail.
  absl::Status Run(const SessionState& session, std::initializer_list<TransferOp> ops);
  absl::StatusOr<uint32_t> ReadControlStatus(const SessionState& session);
  // `clear_flags`: the sticky flags to clear, which over JTAG is done here.
  absl::Status WriteRequests(const SessionState& session, uint32_t requests, uint32_t clear_flags = 0);
  absl::Status AwaitPower(const SessionState& session, uint32_t acks, bool up);

  uint32_t PowerOfAll() const;
  void ReleasePower(const SessionState& session);
  void RestoreOriginals(const SessionState& session);

  Probe& probe_;
  WireState& wire_;
  std::vector<const SessionState*> users_;
  // CTRL/STAT's bits other than power requests and sticky flags, as a session last wrote them.
  uint32_t control_bits_ = 0;
};

}  // namespace probegate
