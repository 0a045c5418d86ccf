// Probes that are known not to work as they report: a table with the columns of ProbeSettings, and the source of each
// row. A row helps every user of such a probe who has not configured it.
#pragma once

#include "absl/types/span.h"
#include "probe/cmsis_dap/probe_settings.h"

namespace probegate::cmsis_dap {

// In ProbeRule::from: "known quirk: ", what goes wrong and who says so.
absl::Span<const ProbeRule> KnownQuirks();

}  // namespace probegate::cmsis_dap
