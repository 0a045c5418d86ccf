#include "debug/launch/namespaces.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace probegate {
namespace {

// Of files and folders in the session's folder.
constexpr char kInodes[] = "4096";
// Root has a different number in the namespace, so that the session's programs are not root there either.
constexpr uid_t kNobody = 65534;

constexpr int kOwned = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID;

absl::Status SystemError(const std::string& what) { return absl::UnavailableError(what + ": " + std::strerror(errno)); }

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.ok() && ::write(file.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return absl::OkStatus();
  }
  return SystemError("cannot write " + path);
}

std::string OneId(uint32_t id) { return std::to_string(id == 0 ? kNobody : id) + " " + std::to_string(id) + " 1"; }

absl::Status MakeUser() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) return SystemError("cannot create a user namespace");
  absl::Status status = WriteFile("/proc/self/setgroups", "deny");
  if (status.ok()) status = WriteFile("/proc/self/uid_map", OneId(user));
  if (status.ok()) status = WriteFile("/proc/self/gid_map", OneId(group));
  return status;
}

absl::Status MakeMounts(const NamespaceOptions& options) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return SystemError("cannot unshare mounts");
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  if (::syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof attributes) != 0) {
    return SystemError("cannot make mounts read-only");
  }
  const std::string limits =
      "mode=0700,nr_inodes=" + std::string(kInodes) + ",size=" + std::to_string(options.work_bytes);
  if (::mount("probegate", options.work_directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, limits.c_str()) !=
      0) {
    return SystemError("cannot mount a tmpfs on " + options.work_directory);
  }
  return absl::OkStatus();
}

// Brings the loopback interface up, and listens on it.
absl::StatusOr<FileDescriptor> MakeLoopback(uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.ok()) return SystemError("cannot create a socket");
  ifreq interface{};
  std::strcpy(interface.ifr_name, "lo");
  interface.ifr_flags = IFF_UP;
  if (::ioctl(socket.number(), SIOCSIFFLAGS, &interface) != 0)
    return SystemError("cannot bring up the loopback interface");
  const sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  if (port != 0 && (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
                    ::listen(socket.number(), SOMAXCONN) != 0)) {
    return SystemError("cannot listen on port " + std::to_string(port));
  }
  return socket;
}

// What the process that makes the namespaces reports to the one that asked for them.
struct Report {
  pid_t first = 0;
  char error[256] = {};
};

// Sends a report, and the socket with it unless it is negative (unix(7), SCM_RIGHTS).
void Send(int channel, const Report& report, int socket) {
  iovec part{.iov_base = const_cast<Report*>(&report), .iov_len = sizeof report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (socket >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &socket, sizeof socket);
  }
  ::sendmsg(channel, &message, MSG_NOSIGNAL);
}

// False if the other end is closed. `socket` remains as it was if none came.
bool Receive(int channel, Report& report, int& socket) {
  iovec part{.iov_base = &report, .iov_len = sizeof report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof report) return false;
  if (const cmsghdr* const header = CMSG_FIRSTHDR(&message); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&socket, CMSG_DATA(header), sizeof socket);
  }
  return true;
}

// The first process of the PID namespace. `channel` is closed if the process that asked for it has died.
[[noreturn]] void BeFirst(int channel) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::prctl(PR_SET_NAME, "session", 0, 0, 0);
  Report go;
  int none = -1;
  if (!Receive(channel, go, none)) ::_exit(1);
  ::signal(SIGCHLD, SIG_IGN);  // the kernel reaps children
  ::close_range(0, ~0U, 0);
  while (true) ::pause();
}

// Runs in a process of its own, which ends afterwards.
absl::Status Make(const NamespaceOptions& options, int channel) {
  absl::Status status = MakeUser();
  if (status.ok() && ::unshare(kOwned) != 0) status = SystemError("cannot create namespaces");
  if (status.ok()) status = MakeMounts(options);
  if (!status.ok()) return status;
  const auto gateway = MakeLoopback(options.port);
  if (!gateway.ok()) return gateway.status();
  // As fork(), but the new process is a child of the process that asked for the namespaces.
  const auto first = static_cast<pid_t>(::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
  if (first < 0) return SystemError("cannot start a process in the namespaces");
  if (first == 0) BeFirst(channel);
  Send(channel, {.first = first}, gateway->number());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Namespaces> MakeNamespaces(const NamespaceOptions& options) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return SystemError("cannot create a socket");
  FileDescriptor ours(ends[0]);
  FileDescriptor theirs(ends[1]);
  const pid_t maker = ::fork();
  if (maker < 0) return SystemError("cannot start a process");
  if (maker == 0) {
    ::close(ours.Release());
    const absl::Status status = Make(options, theirs.number());
    Report report;
    if (!status.ok()) {
      status.message().copy(report.error, sizeof report.error - 1);
      Send(theirs.number(), report, -1);
    }
    ::_exit(status.ok() ? 0 : 1);
  }
  ::close(theirs.Release());
  Report report;
  int gateway = -1;
  const bool answered = Receive(ours.number(), report, gateway);
  Namespaces made{.first = report.first, .gateway = FileDescriptor(gateway)};
  ::waitpid(maker, nullptr, 0);
  if (!answered) return absl::UnavailableError("the process that creates the namespaces died");
  if (report.first == 0) return absl::UnavailableError(report.error);
  Send(ours.number(), {}, -1);  // lets the first process go on
  return made;
}

absl::Status EnterNamespaces(pid_t first) {
  const FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, first, 0)));
  if (!process.ok()) return SystemError("cannot find the session's namespaces");
  if (::setns(process.number(), CLONE_NEWUSER | kOwned) != 0)
    return SystemError("cannot enter the session's namespaces");
  return absl::OkStatus();
}

}  // namespace probegate
