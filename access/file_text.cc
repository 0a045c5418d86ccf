#include "access/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/status/status.h"
#include "base/file_descriptor.h"
#include "base/read_all.h"
#include "base/write_all.h"

namespace probegate {
namespace {

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
  auto text = ReadAll(file.number(), max_bytes);
  if (!text) return Failed("read", path);
  if (text->size() > max_bytes) {
    return absl::InvalidArgumentError("cannot read " + path + ": longer than " + std::to_string(max_bytes) + " bytes");
  }
  return *std::move(text);
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
