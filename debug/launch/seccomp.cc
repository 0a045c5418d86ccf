#include "debug/launch/seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace probegate {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;
#endif

// System calls that are refused whatever their arguments are.
struct RefusedRow {
  uint32_t call;
  int error;  // 0: the call does nothing, but reports success
};
constexpr RefusedRow kRefused[] = {
#ifdef SYS_fork
    {SYS_fork, EPERM},
    {SYS_vfork, EPERM},
#endif
    // A filter cannot read its flags, because they are behind a pointer. The C library then uses clone instead.
    {SYS_clone3, ENOSYS},
    {SYS_ptrace, EPERM},
    {SYS_process_vm_readv, EPERM},
    {SYS_process_vm_writev, EPERM},
    {SYS_pidfd_open, EPERM},
    {SYS_pidfd_getfd, EPERM},
    {SYS_pidfd_send_signal, EPERM},
    // It performs other system calls without passing the filter.
    {SYS_io_uring_setup, EPERM},
    {SYS_bpf, EPERM},
    {SYS_perf_event_open, EPERM},
    {SYS_userfaultfd, EPERM},
    {SYS_keyctl, EPERM},
    {SYS_add_key, EPERM},
    {SYS_unshare, EPERM},
    {SYS_setns, EPERM},
    {SYS_mount, EPERM},
    {SYS_umount2, EPERM},
    {SYS_pivot_root, EPERM},
    {SYS_chroot, EPERM},
    // The process must stay in its process group, because it is ended by a signal to the group.
    {SYS_setpgid, EPERM},
    {SYS_setsid, EPERM},
};

// System calls that depend on whether (argument & mask) == value.
struct ArgumentRow {
  uint32_t call;
  unsigned argument;
  uint32_t mask;
  uint32_t value;
  bool wanted;  // true: refused unless they are equal; false: refused if they are equal
  int error;
};

std::vector<ArgumentRow> ArgumentRows() {
  const auto self = static_cast<uint32_t>(::getpid());
  return {
      {SYS_clone, 0, CLONE_THREAD, CLONE_THREAD, true, EPERM},
      {SYS_socket, 0, ~0U, AF_INET, true, EAFNOSUPPORT},
      {SYS_socket, 1, 0xf, SOCK_STREAM, true, EPROTONOSUPPORT},
      // The default protocol or TCP. Landlock does not check the ports of others, such as MPTCP and SCTP. The other
      // protocols that pass this mask are not stream protocols.
      {SYS_socket, 2, ~static_cast<uint32_t>(IPPROTO_TCP), 0, true, EPROTONOSUPPORT},
      {SYS_kill, 0, ~0U, self, true, EPERM},
      {SYS_tgkill, 0, ~0U, self, true, EPERM},
      {SYS_tkill, 0, ~0U, self, true, EPERM},
      {SYS_rt_sigqueueinfo, 0, ~0U, self, true, EPERM},
      {SYS_rt_tgsigqueueinfo, 0, ~0U, self, true, EPERM},
      // Signals that the kernel sends when something happens to a file.
      {SYS_fcntl, 1, ~0U, F_SETOWN, false, EPERM},
      {SYS_fcntl, 1, ~0U, F_SETOWN_EX, false, EPERM},
      {SYS_fcntl, 1, ~0U, F_SETSIG, false, EPERM},
      {SYS_ioctl, 1, ~0U, FIOSETOWN, false, EPERM},
      {SYS_ioctl, 1, ~0U, SIOCSPGRP, false, EPERM},
      {SYS_prctl, 0, ~0U, PR_SET_PDEATHSIG, false, EPERM},
      {SYS_prlimit64, 0, ~0U, 0, true, EPERM},
  };
}

constexpr uint32_t Refuse(int error) { return SECCOMP_RET_ERRNO | (static_cast<uint32_t>(error) & SECCOMP_RET_DATA); }

class Filter {
 public:
  explicit Filter(bool sleepless) {
    Load(offsetof(seccomp_data, arch));
    Jump(BPF_JEQ, kArchitecture, 1, 0);
    Return(SECCOMP_RET_KILL_PROCESS);
    Load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    // System call numbers of the x32 ABI, which would bypass the table.
    Jump(BPF_JGE, 0x40000000, 0, 1);
    Return(Refuse(ENOSYS));
#endif
    for (const RefusedRow& row : kRefused) RefuseCall(row);
    if (sleepless) RefuseCall({SYS_clock_nanosleep, 0});
    for (const ArgumentRow& row : ArgumentRows()) {
      Jump(BPF_JEQ, row.call, 0, 5);
      // The low half is enough: all these arguments are ints, or flags in the low half.
      Load(offsetof(seccomp_data, args) + row.argument * sizeof(uint64_t));
      code_.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, row.mask));
      Jump(BPF_JEQ, row.value, row.wanted ? 1 : 0, row.wanted ? 0 : 1);
      Return(Refuse(row.error));
      Load(offsetof(seccomp_data, nr));
    }
    Return(SECCOMP_RET_ALLOW);
  }

  sock_fprog program() { return {.len = static_cast<unsigned short>(code_.size()), .filter = code_.data()}; }

 private:
  void RefuseCall(const RefusedRow& row) {
    Jump(BPF_JEQ, row.call, 0, 1);
    Return(Refuse(row.error));
  }
  void Load(size_t offset) { code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset))); }
  void Jump(uint16_t condition, uint32_t value, uint8_t yes, uint8_t no) {
    code_.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | BPF_K | condition), value, yes, no));
  }
  void Return(uint32_t what) { code_.push_back(BPF_STMT(BPF_RET | BPF_K, what)); }

  std::vector<sock_filter> code_;
};

}  // namespace

absl::Status CanFilterSystemCalls() {
  uint32_t action = SECCOMP_RET_ERRNO;
  if (kArchitecture != 0 && ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) return absl::OkStatus();
  return absl::UnimplementedError("this kernel does not support seccomp filters");
}

absl::Status FilterSystemCalls(bool sleepless) {
  Filter filter(sleepless);
  sock_fprog program = filter.program();
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) return absl::OkStatus();
  return absl::InternalError(std::string("cannot install the seccomp filter: ") + std::strerror(errno));
}

}  // namespace probegate
