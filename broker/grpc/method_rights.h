// Which right each method of the broker takes (access/service/method_rights.h).
#pragma once

#include "absl/types/span.h"
#include "access/service/method_rights.h"

namespace probegate::broker {

absl::Span<const MethodRow> BrokerMethods();

}  // namespace probegate::broker
