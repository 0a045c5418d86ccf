// How commands end, as the numbers under which they are counted: 0 is ok, then come the kinds of errors, and at last
// what was answered to nobody.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"

namespace probegate {

inline constexpr size_t kOutcomeOk = 0;

// Given up by its client, or cut off by the end of its session.
size_t OutcomeCancelled();

size_t OutcomeCount();

// The outcome of a command that is answered with `status`. A plain CANCELLED is how a call that was given up and a
// session that somebody ended say so.
size_t OutcomeOf(const absl::Status& status);

// "ok", the kind's name, or "cancelled": in metrics and logs.
std::string_view OutcomeName(size_t outcome);

}  // namespace probegate
