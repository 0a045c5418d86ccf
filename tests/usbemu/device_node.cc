#include "tests/usbemu/device_node.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace probegate::usbemu {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Throw(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

void MakeLink(const std::string& target, const std::string& path) {
  fs::create_directories(fs::path(path).parent_path());
  fs::remove(path);
  fs::create_symlink(target, path);
}

}  // namespace

DeviceNode::DeviceNode(asio::io_context& io, const std::string& root, const Address& address, bool denied,
                       std::function<void(int)> on_open)
    : on_open_(std::move(on_open)) {
  std::array<char, 128> name{};
  termios raw{};
  cfmakeraw(&raw);
  if (openpty(&master_, &slave_, name.data(), &raw, nullptr) != 0) Throw("no pseudo-terminal");
  fcntl(master_, F_SETFD, FD_CLOEXEC);
  fcntl(slave_, F_SETFD, FD_CLOEXEC);
  if (denied) fchmod(slave_, 0);

  node_ = root + address.path;
  MakeLink(name.data(), node_);
  // The preload library looks up the numbers of a node here: the file name is the node's path with other separators.
  std::string flat = address.path.substr(std::strlen("/dev/"));
  std::replace(flat.begin(), flat.end(), '/', '_');
  numbers_ = root + "/dev/.node/" + flat;
  MakeLink(std::to_string(address.major) + ":" + std::to_string(address.minor), numbers_);

  socket_ = root + "/ioctl" + address.path;
  fs::create_directories(fs::path(socket_).parent_path());
  sockaddr_un local = {.sun_family = AF_UNIX};
  if (socket_.size() >= sizeof(local.sun_path)) throw std::runtime_error("path too long for a socket: " + socket_);
  std::memcpy(local.sun_path, socket_.c_str(), socket_.size() + 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) Throw("no socket");
  listener_ = std::make_unique<ReadWatch>(io, listener, [this, listener] {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) on_open_(fd);
  });
  if (bind(listener, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0) Throw(socket_);
  if (listen(listener, 16) != 0) Throw(socket_);
}

DeviceNode::~DeviceNode() {
  std::error_code ignored;
  fs::remove(node_, ignored);
  fs::remove(numbers_, ignored);
  fs::remove(socket_, ignored);
  close(master_);
  close(slave_);
}

void DeviceNode::SetWritable(bool writable) {
  if (writable == writable_) return;
  writable_ = writable;
  tcflow(slave_, writable ? TCOON : TCOOFF);
}

void DeviceNode::SetReadable(bool readable) {
  if (readable == readable_) return;
  readable_ = readable;
  if (readable) {
    while (write(master_, "", 1) < 0 && errno == EINTR) {
    }
  } else {
    tcflush(slave_, TCIFLUSH);
  }
}

}  // namespace probegate::usbemu
