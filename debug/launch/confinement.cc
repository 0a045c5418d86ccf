#include "debug/launch/confinement.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "debug/launch/landlock.h"
#include "debug/launch/seccomp.h"

namespace probegate {
namespace {

constexpr rlim_t kLargestFile = rlim_t{64} << 20;
constexpr rlim_t kOpenFiles = 256;

absl::Status Limit(__rlimit_resource resource, rlim_t most) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) == 0) {
    // The hard limit may already be lower.
    if (limit.rlim_max < most) most = limit.rlim_max;
    limit = {.rlim_cur = most, .rlim_max = most};
    if (::setrlimit(resource, &limit) == 0) return absl::OkStatus();
  }
  return absl::InternalError(std::string("cannot set a resource limit: ") + std::strerror(errno));
}

// Executing a program does not give root its capabilities back, because the bounding set is empty.
absl::Status DropCapabilities() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    // Fails without CAP_SETPCAP; the process then has none that it could get back, because of PR_SET_NO_NEW_PRIVS.
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) == 0) return absl::OkStatus();
  return absl::InternalError(std::string("cannot drop capabilities: ") + std::strerror(errno));
}

}  // namespace

absl::Status CanConfine() {
  if (LandlockVersion() == 0) return absl::UnimplementedError("this kernel does not support Landlock");
  return CanFilterSystemCalls();
}

absl::Status Confine(const Confinement& confinement) {
  absl::Status status = Limit(RLIMIT_CORE, 0);
  status.Update(Limit(RLIMIT_FSIZE, kLargestFile));
  status.Update(Limit(RLIMIT_NOFILE, kOpenFiles));
  if (confinement.threads != 0) status.Update(Limit(RLIMIT_NPROC, confinement.threads));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Sanitizers reserve terabytes of address space.
  status.Update(Limit(RLIMIT_AS, confinement.memory_bytes));
#endif
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    status.Update(absl::InternalError("cannot set PR_SET_NO_NEW_PRIVS"));
  if (status.ok()) status.Update(DropCapabilities());
  if (status.ok()) status.Update(RestrictByLandlock(confinement));
  if (status.ok()) status.Update(FilterSystemCalls(confinement));
  return status;
}

}  // namespace probegate
