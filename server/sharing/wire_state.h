// What the lane believes is on the wire: which DP is selected and whether it answers, SELECT, and what is known of each
// DP.
//
// Plain data; only the lane's thread touches it. SharedProbe owns it. DpLink maintains what concerns the DP;
// WireRegisters and PlannedOps what concerns SELECT and the APs. What is not known is nullopt, and is written before it
// is relied on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "probe/probe.h"
#include "server/sharing/dp_state.h"

namespace probegate {

struct SessionState;

// Whether the DP can be talked to.
enum class Link : uint8_t {
  kDown,     // nothing has been tried since the probe was connected
  kTouched,  // a session sent raw bits or reset the target: the wire belongs to it
  kLost,     // the DP answered and then did not, as after a power cycle: the next transfer establishes the link anew
  kUp,       // the DP answered its DPIDR since
};

struct WireState {
  // Over JTAG the DP behaves differently; the code that uses this says how.
  bool jtag = false;
  Link link = Link::kDown;
  // While kTouched or kLost: the session that did it (null if it is gone, or if the link could not be established
  // again), and for messages its name and what it did.
  const SessionState* toucher = nullptr;
  std::string toucher_who;
  std::string touched_by_what;

  std::optional<uint32_t> select;
  TargetSelect target_select;  // written since the last line reset
  std::map<TargetSelect, WireDp> dps;

  WireDp& dp() { return dps[target_select]; }  // the selected one
  bool adiv6() { return dp().adiv6(); }

  // After anything that may have changed the target without the lane. What an AP is stays known, and so does whose TAR
  // it holds, since that value is stored nowhere else.
  void Forget();

  // Forget, and note which session did it.
  void Touch(const SessionState& session, std::string what);

  // The DP answered before, and no longer does. `what`: for messages, e.g. "transfer that failed (no ACK)".
  void Lose(const SessionState& session, std::string what);

  // Removes all pointers into `session`, which is about to be destroyed.
  void Drop(const SessionState& session);
};

}  // namespace probegate
