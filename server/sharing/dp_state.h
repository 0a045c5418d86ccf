// What is kept for each DP. Most wires have one. On a multi-drop wire (DPv2, ADIv5.2 §B4.3.4) each DP has registers,
// power requests and APs of its own, and a session that selects another one must not find the first one's values there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "probe/adi/registers.h"
#include "server/sharing/ap_state.h"

namespace probegate {

// Which DP on the wire: the value written to TARGETSEL after a line reset. Empty: TARGETSEL was not written, so it is
// the DP that answers after a line reset alone. On a multi-drop wire none does.
using TargetSelect = std::optional<uint32_t>;

// How many DPs one session may select; a wire has at most 16 instances of one part. A client could name a billion.
inline constexpr size_t kMaxTargets = 32;

// What a session believes that the DP holds, and what it has asked of it.
struct SessionDp {
  uint32_t select = 0;
  uint32_t select1 = 0;

  // CDBGPWRUPREQ and CSYSPWRUPREQ, as this session asked for them.
  uint32_t power = 0;

  // The last AP read's value, which is what the session may find in RDBUFF.
  std::optional<uint32_t> last_ap_read;

  std::map<ApId, ApView> views;
};

// What the lane believes of the DP on the wire.
struct WireDp {
  std::optional<uint32_t> dpidr;
  uint32_t power = 0;         // the power requests last written to CTRL/STAT
  uint32_t control_bits = 0;  // CTRL/STAT's other bits, except sticky flags, as a session last wrote them
  // Acknowledges that the target did not give within kPowerPatience. They are not waited for again until the target has
  // given them.
  uint32_t missing_acks = 0;

  std::map<ApId, WireAp> aps;
  std::map<ApId, ApIdentity> identities;

  bool adiv6() const { return dpidr && adi::DpVersion(*dpidr) >= 3; }
};

}  // namespace probegate
