// Which right each method of the server takes.
#pragma once

#include "absl/types/span.h"
#include "access/service/method_rights.h"

namespace probegate {

absl::Span<const MethodRow> ServerMethods();

}  // namespace probegate
