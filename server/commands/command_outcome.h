// How commands end, as numbers to count them by: 0 is OK, then come the kinds of errors, and last the commands that got
// no answer.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"

namespace probegate {

inline constexpr size_t kOutcomeOk = 0;

// The command was abandoned by its client, or cut off by the end of its session.
size_t OutcomeCancelled();

size_t OutcomeCount();

// The outcome of a command that is answered with `status`. A CANCELLED status without an error kind means that the
// client abandoned the call or that another user ended the session.
size_t OutcomeOf(const absl::Status& status);

// The outcome's name in metrics and logs: "ok", the name of the error kind, or "cancelled".
std::string_view OutcomeName(size_t outcome);

}  // namespace probegate
