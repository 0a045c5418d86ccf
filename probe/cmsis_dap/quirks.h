// Probes that are known not to work as they say: a table with the columns of ProbeSettings, and where each row is known
// from. A row helps everybody who has such a probe and has not configured it.
#pragma once

#include "absl/types/span.h"
#include "probe/cmsis_dap/probe_settings.h"

namespace probegate::cmsis_dap {

// In ProbeRule::from: "known quirk: ", what goes wrong and who says so.
absl::Span<const ProbeRule> KnownQuirks();

}  // namespace probegate::cmsis_dap
