#include "access/watched_file.h"

#include <utility>

#include "access/file_text.h"

namespace probegate {

WatchedFile::WatchedFile(std::string path, size_t max_bytes)
    : path_(std::move(path)), max_bytes_(max_bytes), taken_(ReadFileText(path_, max_bytes_)), seen_(taken_) {}

bool WatchedFile::Check() {
  absl::StatusOr<std::string> text = ReadFileText(path_, max_bytes_);
  const bool settled = text == seen_;
  seen_ = std::move(text);
  if (!settled || seen_ == taken_) return false;
  taken_ = seen_;
  return true;
}

}  // namespace probegate
