// The system calls that a confined program may make: everything else is refused.
//
// The table names what gdb with Python, pyOCD, and the C library under them need, for the C libraries of this and of
// other versions of Debian: what one version calls by a new name is listed with its old name. Not listed, on purpose,
// is whatever reaches beyond the session's own files, memory and threads, or what Landlock does not check:
// - what changes a file by its path or a descriptor that is open only for reading: chmod, chown, utime, setxattr,
//   truncate, locks;
// - memory that no resource limit counts: memfd_create, memfd_secret, System V and POSIX message queues, semaphores and
//   shared memory, keyrings;
// - what reaches other processes: ptrace, process_vm_*, pidfd_*, kcmp, sched_set*, setpriority, ioprio_set;
// - new processes and namespaces, mounts, and other system calls that need privileges;
// - what makes system calls in other ways, or has had many holes: io_uring, bpf, userfaultfd, perf_event_open.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <termios.h>
#include <cerrno>
#include <cstdint>

namespace probegate {

// (argument & mask) == value. The masks leave out what the kernel ignores: the upper half of an argument that is an
// int.
struct ArgumentCheck {
  unsigned argument;
  uint64_t mask;
  uint64_t value;
};

constexpr uint64_t kInt = 0xffffffff;
// Stands for the process's own ID in ArgumentCheck::value.
constexpr uint64_t kOwnProcess = ~uint64_t{0};

enum class AllowedIf : uint8_t {
  kAlways,
  kMayListen,  // Confinement::may_listen
};

// The call is allowed if all checks hold. If a call has several rows, one of them is enough.
struct SystemCallRow {
  const char* call;              // ignored if the processor has no call of this name
  ArgumentCheck checks[3] = {};  // those with mask 0 hold
  AllowedIf allowed_if = AllowedIf::kAlways;
};

// What glibc and musl start threads with. A thread must share its open files with the others, because the limit of open
// files is for each table of them. (The bit that is masked out is CLONE_DETACHED, which musl sets and Linux ignores.)
constexpr uint64_t kThreadFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                                  CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
constexpr uint64_t kAnyThreadFlags = ~uint64_t{CLONE_DETACHED};

// What open(2) may not do. O_TRUNC truncates a file that is opened for reading, too, and an access mode of 3 asks for
// neither reading nor writing. Landlock checks neither before its version 3.
constexpr uint64_t kOpenFlags = O_ACCMODE | O_TRUNC;

// The owner can list and empty each folder.
constexpr uint64_t kOwnerBits = 0700;

constexpr SystemCallRow kAllowedCalls[] = {
    // Memory. (What it may have is a resource limit.)
    {"brk"},
    {"mmap"},
    {"munmap"},
    {"mremap"},
    {"mprotect"},
    {"madvise"},
    {"mseal"},

    // The process itself, its threads and what the program loader needs.
    {"execve"},
    {"exit"},
    {"exit_group"},
    {"clone", {{0, kAnyThreadFlags, kThreadFlags}}},
    {"futex"},
    {"futex_waitv"},
    {"futex_wake"},
    {"futex_wait"},
    {"futex_requeue"},
    {"set_robust_list"},
    {"set_tid_address"},
    {"rseq"},
    {"membarrier"},
    {"arch_prctl"},
    {"map_shadow_stack"},
    {"prctl", {{0, kInt, PR_SET_NAME}}},
    {"prctl", {{0, kInt, PR_GET_NAME}}},
    {"prctl", {{0, kInt, PR_SET_VMA}}},
    {"prctl", {{0, kInt, PR_CAPBSET_READ}}},
    {"wait4"},
    {"waitid"},
    {"umask", {{0, kOwnerBits, 0}}},
    {"getpid"},
    {"getppid"},
    {"gettid"},
    {"getpgrp"},
    {"getpgid"},
    {"getsid"},
    {"getuid"},
    {"geteuid"},
    {"getgid"},
    {"getegid"},
    {"getresuid"},
    {"getresgid"},
    {"getgroups"},
    {"getrlimit"},
    {"setrlimit"},
    {"prlimit64", {{0, kInt, 0}}},
    {"getrusage"},
    {"times"},
    {"sched_yield"},
    {"sched_getaffinity"},
    {"getcpu"},
    {"sysinfo"},
    {"uname"},
    {"getrandom"},

    // Signals, to itself only.
    {"rt_sigaction"},
    {"rt_sigprocmask"},
    {"rt_sigreturn"},
    {"rt_sigpending"},
    {"rt_sigsuspend"},
    {"rt_sigtimedwait"},
    {"sigaltstack"},
    {"signalfd"},
    {"signalfd4"},
    {"pause"},
    {"restart_syscall"},
    {"kill", {{0, kInt, kOwnProcess}}},
    {"tgkill", {{0, kInt, kOwnProcess}}},
    {"tkill", {{0, kInt, kOwnProcess}}},

    // Time.
    {"time"},
    {"gettimeofday"},
    {"clock_gettime"},
    {"clock_getres"},
    {"clock_nanosleep"},
    {"nanosleep"},
    {"alarm"},
    {"getitimer"},
    {"setitimer"},
    {"timer_create"},
    {"timer_settime"},
    {"timer_gettime"},
    {"timer_getoverrun"},
    {"timer_delete"},
    {"timerfd_create"},
    {"timerfd_settime"},
    {"timerfd_gettime"},

    // Files and folders. Which ones is Landlock's business.
    {"open", {{1, kOpenFlags, O_RDONLY}}},
    {"open", {{1, kOpenFlags, O_WRONLY}}},
    {"open", {{1, kOpenFlags, O_RDWR}}},
    {"open", {{1, kOpenFlags, O_WRONLY | O_TRUNC}}},
    {"open", {{1, kOpenFlags, O_RDWR | O_TRUNC}}},
    {"openat", {{2, kOpenFlags, O_RDONLY}}},
    {"openat", {{2, kOpenFlags, O_WRONLY}}},
    {"openat", {{2, kOpenFlags, O_RDWR}}},
    {"openat", {{2, kOpenFlags, O_WRONLY | O_TRUNC}}},
    {"openat", {{2, kOpenFlags, O_RDWR | O_TRUNC}}},
    {"creat"},
    {"close"},
    {"close_range"},
    {"read"},
    {"pread64"},
    {"readv"},
    {"preadv"},
    {"preadv2"},
    {"write"},
    {"pwrite64"},
    {"writev"},
    {"pwritev"},
    {"pwritev2"},
    {"lseek"},
    {"ftruncate"},
    {"fsync"},
    {"fdatasync"},
    {"fadvise64"},
    {"readahead"},
    {"sendfile"},
    {"stat"},
    {"lstat"},
    {"fstat"},
    {"newfstatat"},
    {"statx"},
    {"statfs"},
    {"fstatfs"},
    {"access"},
    {"faccessat"},
    {"faccessat2"},
    {"readlink"},
    {"readlinkat"},
    {"getdents"},
    {"getdents64"},
    {"getcwd"},
    {"chdir"},
    {"fchdir"},
    {"mkdir", {{1, kOwnerBits, kOwnerBits}}},
    {"mkdirat", {{2, kOwnerBits, kOwnerBits}}},
    {"rmdir"},
    {"unlink"},
    {"unlinkat"},
    {"rename"},
    {"renameat"},
    {"renameat2"},

    // File descriptors.
    {"dup"},
    {"dup2"},
    {"dup3"},
    {"pipe"},
    {"pipe2"},
    {"eventfd"},
    {"eventfd2"},
    {"poll"},
    {"ppoll"},
    {"select"},
    {"pselect6"},
    {"epoll_create"},
    {"epoll_create1"},
    {"epoll_ctl"},
    {"epoll_wait"},
    {"epoll_pwait"},
    {"epoll_pwait2"},
    {"fcntl", {{1, kInt, F_DUPFD}}},
    {"fcntl", {{1, kInt, F_DUPFD_CLOEXEC}}},
    {"fcntl", {{1, kInt, F_GETFD}}},
    {"fcntl", {{1, kInt, F_SETFD}}},
    {"fcntl", {{1, kInt, F_GETFL}}},
    {"fcntl", {{1, kInt, F_SETFL}, {2, O_ASYNC, 0}}},
    {"ioctl", {{1, kInt, TCGETS}}},
    {"ioctl", {{1, kInt, TIOCGWINSZ}}},
    {"ioctl", {{1, kInt, TIOCGPGRP}}},
    {"ioctl", {{1, kInt, FIONREAD}}},
    {"ioctl", {{1, kInt, FIONBIO}}},
    {"ioctl", {{1, kInt, FIOCLEX}}},
    {"ioctl", {{1, kInt, FIONCLEX}}},

    // IPv4 TCP sockets. Landlock checks connect and bind by port. Data must not name an address, and not be sent with
    // the connection request (TCP Fast Open), because that connects without Landlock's knowledge. MPTCP and SCTP, whose
    // ports it does not check, have protocol numbers that do not pass the mask.
    {"socket", {{0, kInt, AF_INET}, {1, 0xf, SOCK_STREAM}, {2, kInt & ~uint64_t{IPPROTO_TCP}, 0}}},
    {"connect"},
    {"bind", {}, AllowedIf::kMayListen},
    {"listen", {}, AllowedIf::kMayListen},
    {"accept", {}, AllowedIf::kMayListen},
    {"accept4", {}, AllowedIf::kMayListen},
    {"shutdown"},
    {"getsockname"},
    {"getpeername"},
    {"getsockopt"},
    {"setsockopt", {{1, kInt, SOL_SOCKET}, {2, kInt, SO_REUSEADDR}}},
    {"setsockopt", {{1, kInt, SOL_SOCKET}, {2, kInt, SO_KEEPALIVE}}},
    {"setsockopt", {{1, kInt, SOL_SOCKET}, {2, kInt, SO_LINGER}}},
    {"setsockopt", {{1, kInt, SOL_SOCKET}, {2, kInt, SO_RCVTIMEO}}},
    {"setsockopt", {{1, kInt, SOL_SOCKET}, {2, kInt, SO_SNDTIMEO}}},
    {"setsockopt", {{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_NODELAY}}},
    {"setsockopt", {{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_KEEPIDLE}}},
    {"setsockopt", {{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_KEEPINTVL}}},
    {"setsockopt", {{1, kInt, IPPROTO_TCP}, {2, kInt, TCP_KEEPCNT}}},
    {"sendto", {{3, MSG_FASTOPEN, 0}, {4, ~uint64_t{0}, 0}}},
    {"sendmsg", {{2, MSG_FASTOPEN, 0}}},
    {"recvfrom"},
    {"recvmsg"},
};

// Calls with numbers from this one to kLastNewCall exist since Linux 5.1 or later, and have the same number on all
// processors. A C library that uses one of them falls back on older calls if the error is ENOSYS; so do those of the
// future. (They include clone3 and openat2, whose flags are behind a pointer, where a filter cannot read them.)
constexpr int kFirstNewCall = 424;
constexpr int kLastNewCall = 511;

}  // namespace probegate
