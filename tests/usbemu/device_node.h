// A node below the emulated /dev: what a program opens, what it polls, and the socket by which its system calls on the
// node come here (preload_channel.h).
//
// What poll() answers is the real descriptor's, so the node is a symbolic link to a pseudo-terminal whose state says
// what a device's would: output that is suspended is not ready for writing, a byte that waits is there for reading, and
// a master that has been closed is a device that has gone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "asio/io_context.hpp"
#include "tests/usbemu/event_loop.h"

namespace probegate::usbemu {

class DeviceNode {
 public:
  struct Address {
    std::string path;  // "/dev/…"
    unsigned major = 0;
    unsigned minor = 0;
  };

  // `root`: that of the emulated files. `on_open` gets the socket of each program that opens it, and owns it.
  // `denied`: it cannot be opened by who must heed its mode. Throws std::runtime_error.
  DeviceNode(asio::io_context& io, const std::string& root, const Address& address, bool denied,
             std::function<void(int fd)> on_open);
  // The device has gone: programs that have it open see an error and a hang-up.
  ~DeviceNode();
  DeviceNode(const DeviceNode&) = delete;
  DeviceNode& operator=(const DeviceNode&) = delete;

  // What poll() says: POLLOUT, and POLLIN.
  void SetWritable(bool writable);
  void SetReadable(bool readable);

 private:
  int master_ = -1;
  int slave_ = -1;
  bool writable_ = true;
  bool readable_ = false;
  std::string node_;
  std::string numbers_;
  std::string socket_;
  std::unique_ptr<ReadWatch> listener_;
  std::function<void(int)> on_open_;
};

}  // namespace probegate::usbemu
