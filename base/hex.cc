#include "base/hex.h"

#include "absl/strings/str_format.h"

namespace probegate {

std::string Hex(uint64_t value, int digits) { return absl::StrFormat("0x%0*x", digits, value); }

}  // namespace probegate
