// Notices when the content of a file changes.
//
// It reads the file each time instead of asking the kernel what changed: that sees every way to change a file, also a
// symbolic link on the way to it that is exchanged, as Kubernetes does, and files of another machine. The files are
// small and cached.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace probegate {

// Threads: one at a time. Blocks while the disk does.
class WatchedFile {
 public:
  // Reads the file `path`, which may have at most `max_bytes`.
  WatchedFile(std::string path, size_t max_bytes);

  // Reads the file again. Returns true if its text, or the reason why it cannot be read, has changed, and was the same
  // in the call before this one. So a file that is just being written is not taken in the middle.
  bool Check();

  // The text when Check last returned true, or at the start; or why the file could not be read.
  const absl::StatusOr<std::string>& text() const { return taken_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  size_t max_bytes_;
  absl::StatusOr<std::string> taken_;
  absl::StatusOr<std::string> seen_;  // in the last call
};

}  // namespace probegate
