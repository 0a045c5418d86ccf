// The link to the target's DP, and the power that is requested through it, for all sessions that are connected.
//
// The DP is woken when a session first needs it. After raw sequences and resets the wire belongs to the session that
// caused them. Before another session is served, the link is established again, and before the first session goes on,
// its raw sequences are driven again (server/sharing/raw_trail.h), so that each finds the wire as if it were alone. A
// DP that answered and then does not, because the target was power-cycled for example, is woken again by the next
// transfer. If that fails, the other sessions' errors name the session that touched the wire.
//
// On a multi-drop wire each session is served on the DP that it selected, and nothing is written to any other. A
// session that selected none gets what answers after a line reset alone, whoever used the wire before.
//
// Power requests are OR-ed over the sessions that use a DP: its CTRL/STAT asks for what any of them asks for, and never
// for system power without debug power. Before debug power goes, each MEM-AP gets back the CSW that it was found with.
// If the target has lost debug power that a session asked for, it is requested again.
//
// Threads: one; in the server the lane's. Methods block for as long as the probe takes, and up to kPowerPatience more
// for the target to acknowledge power. Errors: those of probe/error.h. CTRL/STAT is documented in ADIv5.2 §B2.2.2.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probe/probe.h"
#include "server/sharing/session_state.h"
#include "server/sharing/wire_state.h"

namespace probegate {

// How long a target may take to acknowledge a request for power. Some wake a regulator or a clock first, which takes up
// to half a second.
inline constexpr std::chrono::milliseconds kPowerPatience{1000};

// What a session needs before it can use the wire.
struct LinkUse {
  TargetSelect target;
  bool established = false;  // the DP must have answered; otherwise the session may lead the wire there itself
};

// The time, and how to let it pass. Tests have one of their own.
class LinkClock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  virtual ~LinkClock() = default;
  virtual TimePoint Now() { return std::chrono::steady_clock::now(); }
  virtual void Sleep(std::chrono::milliseconds time);
};

class DpLink {
 public:
  // Called with text for the log when the target does not acknowledge power, or loses it.
  using Warn = absl::AnyInvocable<void(std::string_view what)>;

  // All references must outlive this. `wire` is a new WireState each time that the probe has been connected.
  DpLink(Probe& probe, WireState& wire, LinkClock& clock, Warn warn)
      : probe_(probe), wire_(wire), clock_(clock), warn_(std::move(warn)) {}
  DpLink(const DpLink&) = delete;
  DpLink& operator=(const DpLink&) = delete;

  // `session` is connected from now on. It must stay where it is until it has been removed.
  void Add(SessionState& session) { users_.push_back(&session); }
  // Withdraws the power requests that only `session` made, if the probe still answers. Afterwards, nothing in WireState
  // refers to `session`.
  void Remove(SessionState& session);

  // Whether `session` may use the wire as it is.
  bool IsFit(const SessionState& session, const LinkUse& use) const;
  // Makes the wire fit in this sense; does nothing if it already is.
  absl::Status Prepare(SessionState& session, const LinkUse& use);
  // The same for the DP that the session has selected.
  bool IsFit(const SessionState& session, bool established) const;
  absl::Status Prepare(SessionState& session, bool established);

  // Makes the wire fit for raw bits of `session`: as the session left it if another one has used it since. A link that
  // cannot be established is no error, because the bits may be what establishes it.
  absl::Status PrepareRaw(SessionState& session);

  // After a failed transfer of `session`'s: clears the sticky flags and requests power again if the target has lost it,
  // or notes that the DP is lost. Returns kProbeDisconnected if the probe is gone, else OK.
  absl::Status Recover(const SessionState& session, const absl::Status& failure);

  // From now on `session` uses the DP with this TARGETSEL; nothing happens on the wire. kUnsupported if the session has
  // selected too many (kMaxTargets).
  static absl::Status NoteTarget(SessionState& session, const TargetSelect& target);

  // NoteTarget, and selects and wakes that DP (ADIv5.2 §B4.3.4).
  absl::Status SelectTarget(SessionState& session, uint32_t value);

  // The session's write to CTRL/STAT. kUnsupported for overrun detection and pushed transfers.
  absl::Status WriteControlStatus(SessionState& session, uint32_t value);
  // Asks for debug and system power on behalf of `session`, and waits until the target acknowledges them. Goes on
  // without the acknowledge of system power, which some targets never give; kProbeError without that of debug power.
  absl::Status RequestPower(SessionState& session);

 private:
  absl::Status Relink(SessionState& session, const TargetSelect& target);
  absl::Status RelinkFailed(const SessionState& session, const absl::Status& why);
  absl::Status Restore(SessionState& session);
  absl::Status RestorePower(const SessionState& session);
  absl::Status ClearFault(const SessionState& session, bool check_power);
  absl::Status AwaitRequest(const SessionState& session);

  // The server's own transfers on behalf of `session`, which is held responsible if they fail.
  absl::Status Run(const SessionState& session, std::initializer_list<TransferOp> ops);
  absl::StatusOr<uint32_t> ReadControlStatus(const SessionState& session);
  // `clear_flags`: the sticky flags to clear, which over JTAG is done here.
  absl::Status WriteRequests(const SessionState& session, uint32_t requests, uint32_t clear_flags = 0);
  // Waits until CTRL/STAT has `acks`, or none of them if not `up`. Returns those that are still not so after
  // `patience`.
  absl::StatusOr<uint32_t> AwaitPower(const SessionState& session, uint32_t acks, bool up,
                                      std::chrono::milliseconds patience);

  uint32_t PowerOfAll(const TargetSelect& target) const;
  void ReleasePower(const SessionState& session, uint32_t wanted);
  void RestoreOriginals(const SessionState& session);

  Probe& probe_;
  WireState& wire_;
  LinkClock& clock_;
  Warn warn_;
  std::vector<const SessionState*> users_;
};

}  // namespace probegate
