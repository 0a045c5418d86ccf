// Which right each method of the server takes.
//
// The gate (server/grpc/call_gate.h) checks it for every call, before a message is read: the caller must have the right
// for at least one probe. Which probe it is about is known later; then the same right is checked for that probe, by
// AccessControl::Check, or the probes without it are left out.
#pragma once

#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "access/rights.h"

namespace probegate {

struct MethodRow {
  std::string_view method;     // "/package.Service/Method"
  std::optional<Right> right;  // nothing: any caller with an identity may call it
};
absl::Span<const MethodRow> MethodRows();

// nullptr if there is none: then nobody may call it.
const MethodRow* FindMethodRow(std::string_view method);

}  // namespace probegate
