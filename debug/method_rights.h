// Which right each method of probegate-debugd takes.
#pragma once

#include "absl/types/span.h"
#include "access/service/method_rights.h"

namespace probegate {

absl::Span<const MethodRow> DebugMethods();

}  // namespace probegate
