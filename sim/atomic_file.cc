#include "sim/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "sim/file_descriptor.h"

namespace probegate::sim {
namespace {

constexpr mode_t kPermissions = 0644;

// Throws if a system call has returned -1.
void Check(int64_t result, const std::string& path) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), path);
}

void WriteAll(int file, const std::string& path, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    Check(count, path);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

}  // namespace

void WriteFileAtomically(const std::string& path, std::span<const uint8_t> bytes) {
  const std::string fresh = path + ".new";
  {
    const FileDescriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPermissions));
    Check(file.get(), fresh);
    WriteAll(file.get(), fresh, bytes);
    // Before the rename, or else the new name could reach the disk before the contents.
    Check(::fsync(file.get()), fresh);
  }
  Check(std::rename(fresh.c_str(), path.c_str()), path);
  const std::string parent = std::filesystem::absolute(path).parent_path();
  const FileDescriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Check(directory.get(), parent);
  Check(::fsync(directory.get()), parent);
}

}  // namespace probegate::sim
