// What the lane believes is on the wire: SELECT, the APs' registers, power requests, and whether the target's DP
// answers.
//
// Plain data; only the lane's thread touches it. SharedProbe owns it. DpLink maintains what concerns the DP;
// WireRegisters and PlannedOps what concerns SELECT and the APs. What is not known is nullopt, and is written before it
// is relied on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "probe/adi/registers.h"
#include "probe/probe.h"
#include "server/sharing/ap_state.h"

namespace probegate {

struct SessionState;

// Whether the DP can be talked to.
enum class Link : uint8_t {
  kDown,     // nothing has been tried since the probe was connected
  kTouched,  // a session sent raw bits, reset the target, or lost the DP: the wire belongs to it
  kUp,       // the DP answered its DPIDR since
};

struct WireState {
  // Over JTAG the DP behaves differently; the code that uses this says how.
  bool jtag = false;
  Link link = Link::kDown;
  // While kTouched: the session that may still use the wire (null if it is gone, or if the link could not be
  // established again), and for messages its name and what it did.
  const SessionState* toucher = nullptr;
  std::string toucher_who;
  std::string touched_by_what;

  std::optional<uint32_t> dpidr;
  std::optional<uint32_t> select;
  std::optional<uint32_t> target_select;  // written since the last line reset
  uint32_t power = 0;                     // the power requests last written to CTRL/STAT

  std::map<ApId, WireAp> aps;
  std::map<ApId, ApIdentity> identities;

  bool adiv6() const { return dpidr && adi::DpVersion(*dpidr) >= 3; }

  // After anything that may have changed the target without the lane. What an AP is stays known, and so does whose TAR
  // it holds, since that value is stored nowhere else.
  void Forget();

  // Forget, and note which session did it.
  void Touch(const SessionState& session, std::string what);

  // Removes all pointers into `session`, which is about to be destroyed.
  void Drop(const SessionState& session);
};

}  // namespace probegate
