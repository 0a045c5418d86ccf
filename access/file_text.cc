#include "access/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/status/status.h"
#include "base/file_descriptor.h"
#include "base/write_all.h"

namespace probegate {
namespace {

constexpr size_t kPiece = 16'384;

absl::Status Failed(const std::string& what, const std::string& path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, "cannot " + what + " " + path);
}

}  // namespace

absl::StatusOr<std::string> ReadFileText(const std::string& path, size_t max_bytes) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) return Failed("open", path);
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return Failed("read", path);
  if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError("cannot read " + path + ": not a regular file");
  std::string text;
  for (;;) {
    const size_t before = text.size();
    text.resize(before + kPiece);
    const ssize_t count = ::read(file.number(), &text[before], kPiece);
    if (count < 0 && errno != EINTR) return Failed("read", path);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (text.size() > max_bytes) {
      return absl::InvalidArgumentError("cannot read " + path + ": longer than " + std::to_string(max_bytes) +
                                        " bytes");
    }
    if (count == 0) return text;
  }
}

absl::Status ReplaceFileText(const std::string& path, const std::string& text) {
  std::string temporary = path + ".XXXXXX";
  const FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.ok()) return Failed("write", path);
  if (WriteAll(file.number(), text) < text.size() || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const absl::Status failed = Failed("write", path);
    ::unlink(temporary.c_str());
    return failed;
  }
  return absl::OkStatus();
}

}  // namespace probegate
