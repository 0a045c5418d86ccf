#include "debug/launch/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"

namespace probegate {
namespace {

// Missing in Debian 12's header.
constexpr uint64_t kFsTruncate = 1ULL << 14;        // version 3
constexpr uint64_t kFsIoctlDevice = 1ULL << 15;     // version 5
constexpr uint64_t kNetBindTcp = 1ULL << 0;         // version 4
constexpr uint64_t kNetConnectTcp = 1ULL << 1;      // version 4
constexpr uint64_t kScopeAbstractUnix = 1ULL << 0;  // version 6
constexpr uint64_t kScopeSignal = 1ULL << 1;        // version 6
constexpr int kRuleNetPort = 2;

struct RulesetAttributes {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};
struct NetPortAttributes {
  uint64_t allowed_access;
  uint64_t port;
};

// The structure of attributes grew with the versions. A kernel rejects attributes that it does not know unless they are
// 0.
struct VersionRow {
  int version;
  size_t attribute_bytes;
  uint64_t fs;  // the access rights that this version adds
};
constexpr VersionRow kVersions[] = {
    {1, 8, (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1},
    {2, 8, LANDLOCK_ACCESS_FS_REFER},
    {3, 8, kFsTruncate},
    {4, 16, 0},
    {5, 16, kFsIoctlDevice},
    {6, 24, 0},
};

constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kWriteFile = LANDLOCK_ACCESS_FS_WRITE_FILE | kFsTruncate;
constexpr uint64_t kWrite = kWriteFile | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                            LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG;
// The access rights that a rule for a file, rather than a folder, may have.
constexpr uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | kWriteFile | kFsIoctlDevice;

absl::Status SystemError(const std::string& what) { return absl::InternalError(what + ": " + std::strerror(errno)); }

absl::Status CannotAllow(const std::string& path) { return SystemError("Landlock: cannot allow access to " + path); }

absl::Status AllowPath(int ruleset, const std::string& path, uint64_t access) {
  const FileDescriptor file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file.ok()) return errno == ENOENT || errno == ENOTDIR ? absl::OkStatus() : CannotAllow(path);
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return CannotAllow(path);
  if (!S_ISDIR(status.st_mode)) access &= kOfFiles;
  const landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = file.number()};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) return CannotAllow(path);
  return absl::OkStatus();
}

absl::Status AllowPort(int ruleset, uint16_t port, uint64_t access) {
  const NetPortAttributes rule{.allowed_access = access, .port = port};
  if (::syscall(SYS_landlock_add_rule, ruleset, kRuleNetPort, &rule, 0) != 0) {
    return CannotAllow("TCP port " + std::to_string(port));
  }
  return absl::OkStatus();
}

}  // namespace

int LandlockVersion() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

absl::Status RestrictByLandlock(const Confinement& confinement) {
  RulesetAttributes attributes{};
  size_t bytes = 0;
  const int version = std::min(LandlockVersion(), confinement.landlock_version);
  for (const VersionRow& row : kVersions) {
    if (row.version > version) break;
    attributes.handled_access_fs |= row.fs;
    bytes = row.attribute_bytes;
  }
  const bool knows_ports = version >= 4;
  if (knows_ports) attributes.handled_access_net = kNetBindTcp | kNetConnectTcp;
  if (version >= 6) attributes.scoped = kScopeAbstractUnix | kScopeSignal;
  const FileDescriptor ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, bytes, 0)));
  if (!ruleset.ok()) return SystemError("Landlock: cannot create a ruleset");

  const uint64_t handled = attributes.handled_access_fs;
  absl::Status status;
  for (const std::string& path : confinement.readable) status.Update(AllowPath(ruleset.number(), path, kRead));
  status.Update(AllowPath(ruleset.number(), "/dev/null", (kRead | kWriteFile) & handled));
  if (!confinement.work_directory.empty()) {
    status.Update(AllowPath(ruleset.number(), confinement.work_directory, (kRead | kWrite) & handled));
  }
  if (knows_ports && confinement.connect_port != 0) {
    status.Update(AllowPort(ruleset.number(), confinement.connect_port, kNetConnectTcp));
  }
  // Port 0 stands for the ports that the system picks.
  if (knows_ports && confinement.may_listen) status.Update(AllowPort(ruleset.number(), 0, kNetBindTcp));
  if (!status.ok()) return status;
  if (::syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0) {
    return SystemError("Landlock: cannot restrict this process");
  }
  return absl::OkStatus();
}

}  // namespace probegate
