// Unix sockets: how programs on one machine reach each other, without a port that others could reach, and with the
// kernel's word for which user is at the other end.
//
// Threads: any, except where stated.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"
#include "base/socket.h"

namespace probegate {

// A socket that listens at a path. The destructor removes the file, unless another program has replaced it.
class UnixListener {
 public:
  // `path` is an absolute path of at most 107 bytes. Creates the file with mode 0660, for the owner of this process and
  // for `group`; an empty group stands for the one that the system gives it. Only those may connect. A file that an
  // earlier program left behind is replaced. UNAVAILABLE, with one line that does not name the path, if another program
  // listens there, if the path is something other than a socket, or if there is no such group.
  static absl::StatusOr<std::unique_ptr<UnixListener>> Listen(const std::string& path, const std::string& group);
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

  int socket() const { return socket_.number(); }

 private:
  UnixListener(FileDescriptor socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}
  absl::Status Open(const std::string& group);

  const FileDescriptor socket_;
  const std::string path_;
  dev_t device_ = 0;  // of the file that this object created
  ino_t number_ = 0;
};

// Connects to the socket at `path`. The socket is non-blocking. ETIMEDOUT if nobody accepts it by `deadline`.
OpenedSocket ConnectToUnix(const std::string& path, Deadline deadline);

// The process at the other end of a connected unix socket, when it connected.
struct UnixPeer {
  uint32_t uid = 0;
  pid_t pid = 0;  // 0 if it is in a PID namespace that this process does not see
};
std::optional<UnixPeer> PeerOfUnixSocket(int socket);

}  // namespace probegate
