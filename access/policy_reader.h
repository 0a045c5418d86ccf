// Reads an access file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "access/policy.h"

namespace probegate {

// The policy in `text`, which is YAML 1.2 as in kAccessFileExample. `file` is the file's name for messages.
// INVALID_ARGUMENT, with FILE:LINE, if anything in it is not understood: a key that is unknown or occurs twice, an
// issuer that is not in `issuers`, a right that does not exist.
//
// Threads: any. Does not block.
absl::StatusOr<std::shared_ptr<const Policy>> ReadPolicy(std::string_view text, const std::string& file);

// A complete example, for --help and docs/access.md.
std::string_view AccessFileExample();

inline constexpr size_t kMostAccessFile = size_t{1} << 20;  // bytes

}  // namespace probegate
