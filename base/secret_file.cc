#include "base/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file_descriptor.h"

namespace probegate {
namespace {

constexpr size_t kPiece = 4096;

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
  std::string text;
  for (;;) {
    const size_t before = text.size();
    text.resize(before + kPiece);
    const ssize_t count = ::read(file.number(), &text[before], kPiece);
    if (count < 0 && errno != EINTR) return wrong("cannot be read: ", std::strerror(errno));
    text.resize(before + (count > 0 ? static_cast<size_t>(count) : 0));
    if (text.size() > max_bytes) return wrong("it has more than ", max_bytes, " bytes");
    if (count == 0) return text;
  }
}

}  // namespace probegate
