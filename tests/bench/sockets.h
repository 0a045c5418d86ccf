// The load client's TCP connections. All functions throw std::system_error, or std::runtime_error if the other side
// closes the connection.
#pragma once

#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "tests/bench/load.h"

namespace probegate::bench {

// A connection with TCP_NODELAY.
class Socket {
 public:
  enum class Mode : uint8_t { kBlocking, kNonBlocking };

  // In mode kNonBlocking, connecting may not be finished afterwards. The socket is writable once it is.
  explicit Socket(const Address& address, Mode mode = Mode::kBlocking);

  int fd() const { return file_.number(); }

  void SendAll(std::string_view data) const;

  // Waits for some bytes and appends them to `buffer`.
  void Receive(std::string& buffer) const;

  // Waits until exactly `size` bytes have arrived.
  std::string ReceiveExactly(size_t size) const;

 private:
  FileDescriptor file_;
};

// Sends requests and receives replies on one connection of the remote probe protocol.
class JsonLines {
 public:
  explicit JsonLines(const Address& address, Socket::Mode mode = Socket::Mode::kBlocking) : socket_(address, mode) {}

  const Socket& socket() const { return socket_; }

  void Send(std::string_view lines) const { socket_.SendAll(lines); }

  // Waits for the next reply, and throws if it is an error.
  void ExpectOk();

  // Waits until something has arrived, and returns how many replies that completed. Throws if one of them is an error.
  size_t TakeReplies();

  // Sends one request, and waits for its reply.
  void Call(std::string_view line) {
    Send(line);
    ExpectOk();
  }

  // Opens the probe and wakes the target's debug port, as pyOCD does.
  void Attach();

 private:
  static void CheckReply(std::string_view reply);

  Socket socket_;
  std::string received_;
};

}  // namespace probegate::bench
