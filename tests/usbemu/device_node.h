// A node below the emulated /dev: the file that a program opens and polls, and the socket over which its system calls
// on the node arrive here (preload_channel.h).
//
// poll() works on the real descriptor, so the node is a symbolic link to a pseudo-terminal whose state matches that of
// the device: while output is suspended, it is not ready for writing; while a byte waits, it is ready for reading; and
// if the master is closed, the device is gone.
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

  // `root`: the directory of the emulated files. `on_open` gets the socket of each program that opens the node, and
  // owns it. `denied`: programs that must obey its mode cannot open it. Throws std::runtime_error.
  DeviceNode(asio::io_context& io, const std::string& root, const Address& address, bool denied,
             std::function<void(int fd)> on_open);
  // The device is gone: programs that have the node open see an error and a hang-up.
  ~DeviceNode();
  DeviceNode(const DeviceNode&) = delete;
  DeviceNode& operator=(const DeviceNode&) = delete;

  // Set what poll() reports: POLLOUT, and POLLIN.
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
