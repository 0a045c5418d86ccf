#include "base/unix_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace probegate {
namespace {

constexpr mode_t kMode = 0660;
constexpr std::chrono::seconds kStillThere{1};   // for a program that listens and accepts nothing
constexpr std::chrono::milliseconds kRetry{10};  // when its backlog is full

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  return address;
}

FileDescriptor NewSocket() { return FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

absl::Status Failed(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, what.empty() ? "" : ": ", ErrorText(errno)));
}

absl::StatusOr<gid_t> FindGroup(const std::string& name) {
  std::vector<char> room(size_t{1} << 16);
  group found{};
  group* result = nullptr;
  if (::getgrnam_r(name.c_str(), &found, room.data(), room.size(), &result) != 0 || result == nullptr) {
    return absl::UnavailableError("there is no group " + name + " (--listen-group)");
  }
  return found.gr_gid;
}

// Removes what an earlier program left at `path`.
absl::Status RemoveStale(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? absl::OkStatus() : Failed("");
  if (!S_ISSOCK(status.st_mode)) return absl::UnavailableError("a file that is not a socket has this name");
  const OpenedSocket there = ConnectToUnix(path, std::chrono::steady_clock::now() + kStillThere);
  if (there.error == 0 || there.error == ETIMEDOUT) return absl::UnavailableError(ErrorText(EADDRINUSE));
  if (there.error == ENOENT) return absl::OkStatus();
  if (there.error != ECONNREFUSED) return absl::UnavailableError(ErrorText(there.error));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Failed("cannot remove the socket of an earlier program");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixListener>> UnixListener::Listen(const std::string& path, const std::string& group) {
  FileDescriptor socket = NewSocket();
  if (!socket.ok()) return Failed("");
  if (absl::Status status = RemoveStale(path); !status.ok()) return status;
  std::unique_ptr<UnixListener> listener(new UnixListener(std::move(socket), path));
  if (absl::Status status = listener->Open(group); !status.ok()) return status;
  return listener;
}

absl::Status UnixListener::Open(const std::string& group) {
  std::optional<gid_t> gid;
  if (!group.empty()) {
    const auto found = FindGroup(group);
    if (!found.ok()) return found.status();
    gid = *found;
  }
  const sockaddr_un address = AddressOf(path_);
  if (::bind(socket_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return Failed("");
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) return Failed("");
  device_ = status.st_dev;
  number_ = status.st_ino;
  // Nobody can connect before the socket listens, so nobody does while the file has other permissions. A service that
  // may not call chown(2) can be started with the group instead.
  if (gid && *gid != status.st_gid && ::chown(path_.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
    return Failed(absl::StrCat("cannot give the socket to the group ", group, " (--listen-group)"));
  }
  if (::chmod(path_.c_str(), kMode) != 0) return Failed("cannot set the mode of the socket");
  if (::listen(socket_.number(), SOMAXCONN) != 0) return Failed("");
  return absl::OkStatus();
}

UnixListener::~UnixListener() {
  struct stat status{};
  if (number_ == 0 || ::lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == number_) ::unlink(path_.c_str());
}

OpenedSocket ConnectToUnix(const std::string& path, Deadline deadline) {
  const sockaddr_un address = AddressOf(path);
  FileDescriptor socket = NewSocket();
  if (!socket.ok()) return {.socket = FileDescriptor(-1), .error = errno};
  while (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    // Unlike with TCP, EAGAIN means that the listener's backlog is full, and poll(2) does not tell when it is not.
    const int error = errno == EAGAIN && std::chrono::steady_clock::now() >= deadline ? ETIMEDOUT : errno;
    if (error != EAGAIN && error != EINTR) return {.socket = FileDescriptor(-1), .error = error};
    WaitFor(-1, 0, std::min(deadline, std::chrono::steady_clock::now() + kRetry));
  }
  return {.socket = std::move(socket)};
}

std::optional<UnixPeer> PeerOfUnixSocket(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return UnixPeer{.uid = credentials.uid, .pid = credentials.pid};
}

}  // namespace probegate
