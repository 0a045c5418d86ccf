// What an identity may do. The names are those of the access file, and are shown in messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/types/span.h"

namespace probegate {

enum class Right : uint8_t {
  kView,
  kUse,
  kDebug,
  kKick,
  kGateway,
  kAdmin,
  kServe,
};

// One row per right.
struct RightRow {
  Right right;
  std::string_view name;
  // Whether it is about a probe. A rule for certain probes gives only such rights.
  bool per_probe;
  std::string_view meaning;  // completes "the right to …"
};
absl::Span<const RightRow> Rights();

const RightRow& RowOf(Right right);

// The row with this name; nullptr if there is none.
const RightRow* FindRight(std::string_view name);

// A set of rights.
class RightSet {
 public:
  void Add(Right right) { bits_ |= Bit(right); }
  bool Has(Right right) const { return (bits_ & Bit(right)) != 0; }

 private:
  static uint32_t Bit(Right right) { return uint32_t{1} << static_cast<unsigned>(right); }
  uint32_t bits_ = 0;
};

}  // namespace probegate
