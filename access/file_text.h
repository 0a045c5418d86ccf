// Reads whole files.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace probegate {

// The content of the regular file `path`, following symbolic links. NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT,
// with the path and the reason, if it cannot be read, is not a regular file, or is longer than `max_bytes`.
//
// Threads: any. Blocks while the disk does.
absl::StatusOr<std::string> ReadFileText(const std::string& path, size_t max_bytes);

// Replaces the file `path`, mode 0600, in one step: another program sees the old content or `text`.
absl::Status ReplaceFileText(const std::string& path, const std::string& text);

}  // namespace probegate
