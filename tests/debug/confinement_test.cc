// What a confined process can and cannot do. Each attempt runs in a confined process of its own, once with all that
// this kernel's Landlock can restrict, and once with what the Landlock of Debian 12's kernel (version 2) can.
#include "debug/launch/confinement.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "debug/launch/landlock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;

constexpr int kNotConfined = 255;

// Confines a new process and calls `attempt` in it. Returns errno if that returned a negative number, otherwise 0; and
// minus the signal if one killed the process.
int Attempt(const Confinement& confinement, const std::function<long()>& attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!Confine(confinement).ok()) ::_exit(kNotConfined);
    ::_exit(attempt() < 0 ? errno : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int Listen(sockaddr_in& address) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener, 8);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return listener;
}

// A folder in which it may write, and one in which it may read; and TCP ports to which it may and may not connect.
class ConfinementTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "confinement-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ / "work");
    fs::create_directories(root_ / "read");
    fs::create_directories(root_ / "other");
    for (const char* file : {"read/file", "other/file"}) std::ofstream(root_ / file) << "12345678";
    allowed_listener_ = Listen(allowed_);
    other_listener_ = Listen(other_);
    confinement_.work_directory = root_ / "work";
    confinement_.readable = {"/usr", "/lib", "/lib64", root_ / "read"};
    confinement_.connect_port = ntohs(allowed_.sin_port);
    confinement_.landlock_version = GetParam();
  }
  void TearDown() override {
    ::close(allowed_listener_);
    ::close(other_listener_);
    fs::remove_all(root_);
  }

  int Attempt(const std::function<long()>& attempt) const { return probegate::Attempt(confinement_, attempt); }
  std::string Readable() const { return root_ / "read/file"; }
  std::string Mine(const char* name) const { return root_ / "work" / name; }

  fs::path root_;
  Confinement confinement_;
  sockaddr_in allowed_{};
  sockaddr_in other_{};
  int allowed_listener_ = -1;
  int other_listener_ = -1;
};

INSTANTIATE_TEST_SUITE_P(Landlock, ConfinementTest, testing::Values(2, 1'000),
                         [](const auto& version) { return version.param == 2 ? "Version2" : "Newest"; });

// With these arguments, which are no valid pointers, descriptors or flags, Linux would find a different error in them.
struct CallRow {
  const char* name;
  long number;
};
#define CALL(name) \
  CallRow { #name, SYS_##name }
const CallRow kRefusedCalls[] = {
#if defined(__x86_64__)
    CALL(chmod),
    CALL(chown),
    CALL(lchown),
    CALL(utime),
    CALL(utimes),
    CALL(futimesat),
    CALL(link),
    CALL(symlink),
    CALL(mknod),
    CALL(inotify_init),
    CALL(modify_ldt),
    CALL(iopl),
    CALL(ioperm),
    CALL(uselib),
    CALL(ustat),
    {"fchmodat2", 452},
#endif
    // Files by path, or by a descriptor that is open only for reading.
    CALL(fchmod),
    CALL(fchmodat),
    CALL(fchown),
    CALL(fchownat),
    CALL(utimensat),
    CALL(truncate),
    CALL(setxattr),
    CALL(lsetxattr),
    CALL(fsetxattr),
    CALL(removexattr),
    CALL(lremovexattr),
    CALL(fremovexattr),
    CALL(getxattr),
    CALL(linkat),
    CALL(symlinkat),
    CALL(mknodat),
    CALL(flock),
    CALL(fallocate),
    CALL(inotify_init1),
    CALL(inotify_add_watch),
    CALL(fanotify_init),
    CALL(fanotify_mark),
    CALL(name_to_handle_at),
    CALL(open_by_handle_at),
    CALL(openat2),
    CALL(quotactl),
    CALL(sync),
    CALL(syncfs),
    // Memory that no resource limit counts.
    CALL(memfd_create),
    {"memfd_secret", 447},
    CALL(shmget),
    CALL(shmat),
    CALL(shmctl),
    CALL(shmdt),
    CALL(msgget),
    CALL(msgsnd),
    CALL(msgrcv),
    CALL(msgctl),
    CALL(semget),
    CALL(semop),
    CALL(semtimedop),
    CALL(semctl),
    CALL(mq_open),
    CALL(mq_unlink),
    CALL(mq_timedsend),
    CALL(mq_notify),
    CALL(add_key),
    CALL(request_key),
    CALL(keyctl),
    CALL(mlock),
    CALL(mlockall),
    CALL(mlock2),
    CALL(remap_file_pages),
    // Other processes.
    CALL(ptrace),
    CALL(process_vm_readv),
    CALL(process_vm_writev),
    CALL(kcmp),
    CALL(pidfd_open),
    CALL(pidfd_getfd),
    CALL(pidfd_send_signal),
    CALL(process_madvise),
    {"process_mrelease", 448},
    CALL(sched_setaffinity),
    CALL(sched_setscheduler),
    CALL(sched_setparam),
    CALL(sched_setattr),
    CALL(setpriority),
    CALL(ioprio_set),
    CALL(migrate_pages),
    CALL(move_pages),
    CALL(mbind),
    CALL(set_mempolicy),
    CALL(rt_sigqueueinfo),
    CALL(rt_tgsigqueueinfo),
    CALL(setpgid),
    CALL(get_robust_list),
    CALL(acct),
    // New processes, namespaces and privileges.
    CALL(execveat),
    CALL(clone3),
    CALL(unshare),
    CALL(setns),
    CALL(mount),
    CALL(umount2),
    CALL(pivot_root),
    CALL(chroot),
    CALL(open_tree),
    CALL(move_mount),
    CALL(fsopen),
    CALL(fsconfig),
    CALL(fsmount),
    CALL(fspick),
    {"mount_setattr", 442},
    CALL(setuid),
    CALL(setgid),
    CALL(setreuid),
    CALL(setresuid),
    CALL(setfsuid),
    CALL(setgroups),
    CALL(capset),
    CALL(personality),
    CALL(seccomp),
    CALL(landlock_restrict_self),
    // The whole machine.
    CALL(swapon),
    CALL(swapoff),
    CALL(reboot),
    CALL(kexec_load),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(sethostname),
    CALL(setdomainname),
    CALL(settimeofday),
    CALL(clock_settime),
    CALL(adjtimex),
    CALL(clock_adjtime),
    CALL(syslog),
    CALL(vhangup),
    CALL(lookup_dcookie),
    // Other ways to make system calls, and what has had many holes.
    CALL(io_setup),
    CALL(io_submit),
    CALL(io_uring_setup),
    CALL(io_uring_enter),
    CALL(io_uring_register),
    CALL(bpf),
    CALL(perf_event_open),
    CALL(userfaultfd),
    CALL(vmsplice),
    CALL(splice),
    CALL(tee),
    // Sockets of which it needs none.
    CALL(socketpair),
    CALL(sendmmsg),
    CALL(bind),
    CALL(listen),
    CALL(accept),
    CALL(accept4)};
#undef CALL

TEST_P(ConfinementTest, RefusesCallsThatItNeverNeeds) {
  for (const CallRow& row : kRefusedCalls) {
    const int error = Attempt([&] { return ::syscall(row.number, -1, -1, -1, -1, -1, -1); });
    EXPECT_TRUE(error == EPERM || error == ENOSYS) << row.name << ": " << error;
  }
}

TEST_P(ConfinementTest, StartsThreadsButNoProcessesAndNamespaces) {
  const auto clone = [](unsigned long flags) { return [=] { return ::syscall(SYS_clone, flags, 0, 0, 0, 0); }; };
  constexpr unsigned long kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  for (const unsigned long flags : {0UL, static_cast<unsigned long>(SIGCHLD), CLONE_VM | CLONE_VFORK | 0UL,
                                    CLONE_NEWUSER | 0UL, kThread, kThread & ~CLONE_FILES, kThread | CLONE_NEWNET}) {
    EXPECT_EQ(Attempt(clone(flags)), EPERM) << std::hex << flags;
  }
  const int error = Attempt([] {
    pthread_t thread{};
    errno = ::pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr);
    if (errno == 0) ::pthread_join(thread, nullptr);
    return errno == 0 ? 0 : -1;
  });
  EXPECT_EQ(error, 0);
}

TEST_P(ConfinementTest, ReadsWhatItIsGrantedAndWritesOnlyInItsFolder) {
  EXPECT_EQ(Attempt([&] { return ::open(Readable().c_str(), O_RDONLY); }), 0);
  EXPECT_EQ(Attempt([&] { return ::open((root_ / "other/file").c_str(), O_RDONLY); }), EACCES);
  EXPECT_EQ(Attempt([&] { return ::open((root_ / "other/new").c_str(), O_WRONLY | O_CREAT, 0600); }), EACCES);
  EXPECT_EQ(Attempt([&] { return ::open(Readable().c_str(), O_WRONLY); }), EACCES);
  EXPECT_EQ(Attempt([&] { return ::unlink(Readable().c_str()); }), EACCES);
  EXPECT_EQ(Attempt([&] { return ::rename(Readable().c_str(), Mine("moved").c_str()); }), EACCES);
  const int error = Attempt([&] {
    const int file = ::open(Mine("file").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ::write(file, "12345", 5) != 5 || ::ftruncate(file, 3) != 0) return -1;
    if (::mkdir(Mine("folder").c_str(), 0755) != 0) return -1;
    return ::rename(Mine("file").c_str(), Mine("renamed").c_str());
  });
  EXPECT_EQ(error, 0);
  EXPECT_EQ(fs::file_size(Mine("renamed")), 3U);
}

TEST_P(ConfinementTest, ChangesNoFileThatItMayRead) {
  // Landlock checks neither before its version 3. Both would empty the file.
  for (const int flags : {O_RDONLY | O_TRUNC, O_ACCMODE | O_TRUNC, O_ACCMODE}) {
    EXPECT_EQ(Attempt([&] { return ::open(Readable().c_str(), flags); }), EPERM) << flags;
    EXPECT_EQ(Attempt([&] { return ::syscall(SYS_openat, AT_FDCWD, Readable().c_str(), flags); }), EPERM) << flags;
  }
  const auto reading = [&](const std::function<long(int)>& attempt) {
    return Attempt([&] { return attempt(::open(Readable().c_str(), O_RDONLY)); });
  };
  EXPECT_EQ(Attempt([&] { return ::truncate(Readable().c_str(), 0); }), EPERM);
  EXPECT_EQ(Attempt([&] { return ::chmod(Readable().c_str(), 0666); }), EPERM);
  EXPECT_EQ(Attempt([&] { return ::chmod(root_.c_str(), 0); }), EPERM);
  EXPECT_EQ(reading([](int file) { return ::fchmod(file, 0666); }), EPERM);
  EXPECT_EQ(reading([](int file) { return ::futimens(file, nullptr); }), EPERM);
  EXPECT_EQ(reading([](int file) { return ::fcntl(file, F_SETLEASE, F_WRLCK); }), EPERM);
  EXPECT_EQ(reading([](int file) { return ::fcntl(file, F_NOTIFY, DN_MODIFY); }), EPERM);
  EXPECT_EQ(reading([](int file) {
              struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
              return ::fcntl(file, F_SETLK, &lock);
            }),
            EPERM);
  constexpr unsigned long kSetFlags = 0x40086602;  // FS_IOC_SETFLAGS
  EXPECT_EQ(reading([](int file) { return ::ioctl(file, kSetFlags, nullptr); }), EPERM);
  EXPECT_EQ(fs::file_size(Readable()), 8U);
}

TEST_P(ConfinementTest, LeavesNoFolderThatCannotBeEmptied) {
  EXPECT_EQ(Attempt([&] { return ::mkdir(Mine("locked").c_str(), 0); }), EPERM);
  EXPECT_EQ(Attempt([&] { return ::syscall(SYS_mkdirat, AT_FDCWD, Mine("locked").c_str(), 0500); }), EPERM);
  EXPECT_EQ(Attempt([] { return ::syscall(SYS_umask, 0700); }), EPERM);
}

TEST_P(ConfinementTest, ConnectsToOnePortOnly) {
  const auto with_socket = [&](const std::function<long(int)>& attempt) {
    return Attempt([&] { return attempt(::socket(AF_INET, SOCK_STREAM, 0)); });
  };
  const auto* other = reinterpret_cast<const sockaddr*>(&other_);
  const auto* allowed = reinterpret_cast<const sockaddr*>(&allowed_);
  EXPECT_EQ(with_socket([&](int s) { return ::connect(s, allowed, sizeof other_); }), 0);
  if (LandlockVersion() >= 4 && GetParam() >= 4) {
    EXPECT_EQ(with_socket([&](int s) { return ::connect(s, other, sizeof other_); }), EACCES);
  }
  // Ways to connect that Landlock does not check.
  EXPECT_EQ(with_socket([&](int s) { return ::sendto(s, "x", 1, MSG_FASTOPEN, other, sizeof other_); }), EPERM);
  EXPECT_EQ(with_socket([&](int s) { return ::sendto(s, "x", 1, MSG_FASTOPEN, nullptr, 0); }), EPERM);
  EXPECT_EQ(with_socket([&](int s) { return ::sendto(s, "x", 1, 0, other, sizeof other_); }), EPERM);
  EXPECT_EQ(with_socket([&](int s) {
              iovec part = {.iov_base = const_cast<char*>("x"), .iov_len = 1};
              msghdr message{};
              message.msg_name = const_cast<sockaddr_in*>(&other_);
              message.msg_namelen = sizeof other_;
              message.msg_iov = &part;
              message.msg_iovlen = 1;
              return ::sendmsg(s, &message, MSG_FASTOPEN);
            }),
            EPERM);
  for (const int option : {TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_ULP, TCP_REPAIR}) {
    EXPECT_EQ(with_socket([&](int s) {
                const int on = 1;
                return ::setsockopt(s, IPPROTO_TCP, option, &on, sizeof on);
              }),
              EPERM)
        << option;
  }
  EXPECT_EQ(with_socket([&](int s) { return ::listen(s, 1); }), EPERM);
  EXPECT_EQ(with_socket([&](int s) { return ::fcntl(s, F_SETOWN, ::getppid()); }), EPERM);
  EXPECT_EQ(with_socket([&](int s) { return ::fcntl(s, F_SETFL, O_ASYNC); }), EPERM);
  struct SocketRow {
    int family;
    int type;
    int protocol;
    int error;
  };
  constexpr int kMptcp = 262;
  for (const auto& [family, type, protocol, error] : {SocketRow{AF_INET, SOCK_DGRAM, 0, EPERM},
                                                      {AF_INET, SOCK_RAW, 1, EPERM},
                                                      {AF_INET, SOCK_STREAM, kMptcp, EPERM},
                                                      {AF_INET, SOCK_STREAM, IPPROTO_SCTP, EPERM},
                                                      {AF_INET6, SOCK_STREAM, 0, EAFNOSUPPORT},
                                                      {AF_UNIX, SOCK_STREAM, 0, EAFNOSUPPORT},
                                                      {AF_NETLINK, SOCK_RAW, 0, EAFNOSUPPORT},
                                                      {AF_ALG, SOCK_SEQPACKET, 0, EAFNOSUPPORT},
                                                      {AF_VSOCK, SOCK_STREAM, 0, EAFNOSUPPORT}}) {
    EXPECT_EQ(Attempt([&] { return ::socket(family, type, protocol); }), error) << family << " " << type;
  }
}

TEST_P(ConfinementTest, SignalsOnlyItself) {
  const pid_t parent = ::getpid();
  EXPECT_EQ(Attempt([&] { return ::kill(parent, 0); }), EPERM);
  EXPECT_EQ(Attempt([&] { return ::kill(-1, 0); }), EPERM);
  EXPECT_EQ(Attempt([&] { return ::kill(0, 0); }), EPERM);
  EXPECT_EQ(Attempt([&] { return ::syscall(SYS_tgkill, parent, parent, 0); }), EPERM);
  EXPECT_EQ(Attempt([] { return ::kill(::getpid(), 0); }), 0);
  EXPECT_EQ(Attempt([&] { return ::prlimit(parent, RLIMIT_NOFILE, nullptr, nullptr); }), EPERM);
  EXPECT_EQ(Attempt([] { return ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); }), EPERM);
  EXPECT_EQ(Attempt([] { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }), EPERM);
}

TEST_P(ConfinementTest, HasNoCapabilitiesEvenIfItIsRoot) {
  for (const int capability : {CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_SYS_RESOURCE, CAP_KILL}) {
    EXPECT_EQ(Attempt([&] {
                errno = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) + 1;
                return -1;
              }),
              ::geteuid() == 0 ? 1 : ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) + 1);
  }
}

TEST_P(ConfinementTest, SleepsTakeNoTimeIfRequested) {
  confinement_.sleepless = true;
  const timespec forever{.tv_sec = 1'000'000, .tv_nsec = 0};
  EXPECT_EQ(Attempt([&] { return ::nanosleep(&forever, nullptr); }), 0);
  EXPECT_EQ(Attempt([&] { return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &forever, nullptr) == 0 ? 0 : -1; }), 0);
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
TEST_P(ConfinementTest, CallsOfOtherAbisKillIt) {
  constexpr long kX32 = 0x40000000;
  EXPECT_EQ(Attempt([] { return ::syscall(kX32 | SYS_getpid); }), -SIGSYS);
  EXPECT_LT(Attempt([] {
              long result = 20;  // getpid of the 32-bit ABI; a kernel without that ABI raises SIGSEGV
              asm volatile("int $0x80" : "+a"(result) : : "memory");
              return result;
            }),
            0);
}
#endif

}  // namespace
}  // namespace probegate
