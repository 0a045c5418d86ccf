// Which right each method of a program takes: a table, which every program has for its own services.
//
// The gate (access/grpc/call_gate.h) checks it for every call, before a message is read: the caller must have the right
// for at least one probe. Which probe it is about is known later; then the same right is checked for that probe, by
// AccessControl::Check, or the probes without it are left out.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "access/rights.h"

namespace probegate {

struct MethodRow {
  std::string_view method;     // "/package.Service/Method"
  std::optional<Right> right;  // nothing: any caller with an identity may call it
};

// The row of `method`; nullptr if there is none: then nobody may call it.
inline const MethodRow* FindMethodRow(absl::Span<const MethodRow> rows, std::string_view method) {
  const auto row = std::find_if(rows.begin(), rows.end(), [method](const MethodRow& r) { return r.method == method; });
  return row == rows.end() ? nullptr : &*row;
}

}  // namespace probegate
