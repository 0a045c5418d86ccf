// Reads files that hold secrets, and refuses those that other users may read.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace probegate {

// The content of the regular file `path`, following symbolic links. `option` is what named the file, for messages.
// INVALID_ARGUMENT, with one line that names the option, the file, what is wrong and what helps, if the file cannot be
// read, is longer than `max_bytes`, or grants more than its owner needs: only the owner may have access, and for a file
// of root also its group may read it. So a service can read a file that an administrator, systemd or Kubernetes has
// given to its group.
//
// Threads: any. Blocks while the disk does.
absl::StatusOr<std::string> ReadSecretFile(const std::string& option, const std::string& path, size_t max_bytes);

}  // namespace probegate
