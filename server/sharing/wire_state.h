// What the lane believes that the wire holds: SELECT, the APs' registers, and whether the target's DP listens at all.
//
// Plain data; the lane's thread alone touches it. What is not known is nullopt, and is written before it is relied on.
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
  kDown,     // nobody has tried since the probe was connected
  kTouched,  // somebody sent raw bits, reset the target, or lost the DP: it is in that session's hands
  kUp,       // the DP answered its DPIDR since
};

struct WireState {
  // Over JTAG the DP answers in another way: see where this is used.
  bool jtag = false;
  Link link = Link::kDown;
  // While kTouched: whose doing it is, and how to name them, also when they are gone.
  const SessionState* toucher = nullptr;
  std::string toucher_who;
  std::string touched_by_what;

  std::optional<uint32_t> dpidr;
  std::optional<uint32_t> select;
  std::optional<uint32_t> target_select;  // written since the last line reset

  std::map<ApId, WireAp> aps;
  std::map<ApId, ApIdentity> identities;

  bool adiv6() const { return dpidr && adi::DpVersion(*dpidr) >= 3; }

  // After anything that may have changed the target behind the lane's back. What an AP is stays known, and so does
  // whose TAR it holds, since that has no other place.
  void Forget();

  // Forget, and note whose doing it is.
  void Touch(const SessionState& session, std::string what);

  // A session is gone: nothing may point into it.
  void Drop(const SessionState& session);
};

}  // namespace probegate
