#include "base/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file_descriptor.h"
#include "base/read_all.h"

namespace probegate {
namespace {

struct Allowed {
  mode_t mode;
  const char* to_others;  // who has access but should not
};

Allowed AllowedFor(uid_t owner) {
  if (owner == 0) return {.mode = 0740, .to_others = "other users have access to it"};
  return {.mode = 0700, .to_others = "its group or other users have access to it"};
}

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& option, const std::string& path, size_t max_bytes) {
  const auto wrong = [&](const auto&... why) {
    return absl::InvalidArgumentError(absl::StrCat(option, " ", path, ": ", why...));
  };
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file.ok() || ::fstat(file.number(), &status) != 0) return wrong("cannot be read: ", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return wrong("cannot be read: not a regular file");
  const Allowed allowed = AllowedFor(status.st_uid);
  if (const mode_t mode = status.st_mode & 0777; (mode & ~allowed.mode) != 0) {
    return wrong(allowed.to_others, absl::StrFormat(" (mode %04o); run: chmod %o ", mode, mode & allowed.mode & 0640),
                 path);
  }
  auto text = ReadAll(file.number(), max_bytes);
  if (!text) return wrong("cannot be read: ", std::strerror(errno));
  if (text->size() > max_bytes) return wrong("it has more than ", max_bytes, " bytes");
  return *std::move(text);
}

}  // namespace probegate
