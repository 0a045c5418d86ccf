#include "debug/launch/group.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"

namespace probegate {

absl::Status EnterGroup(const std::string& path) {
  const std::string processes = path + "/cgroup.procs";
  const FileDescriptor file(::open(processes.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.ok() && ::write(file.number(), "0", 1) == 1) return absl::OkStatus();
  return absl::InternalError("cannot write to " + processes + ": " + std::strerror(errno));
}

}  // namespace probegate
