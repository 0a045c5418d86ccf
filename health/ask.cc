#include "health/ask.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/file_descriptor.h"

namespace probegate {
namespace {

using Clock = std::chrono::steady_clock;

// The longest is the simulator's, with 1000 boards.
constexpr size_t kLongestAnswer = size_t{1} << 20;

Answer Failed(int error) { return {.ok = false, .text = std::strerror(error)}; }

// 0 once the socket can do it; else the error.
int WaitFor(int socket, short event, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wanted{.fd = socket, .events = event, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready > 0) return 0;
    if (ready == 0) return ETIMEDOUT;
    if (errno != EINTR) return errno;
  }
}

int Connect(int socket, const addrinfo& to, Clock::time_point deadline) {
  if (::connect(socket, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (const int error = WaitFor(socket, POLLOUT, deadline)) return error;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int Send(int socket, std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int error = WaitFor(socket, POLLOUT, deadline)) return error;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Answer Receive(int socket, AnswerEnd end, Clock::time_point deadline) {
  Answer answer{.ok = true, .text = ""};
  std::array<char, 4096> bytes;
  while (answer.text.size() < kLongestAnswer) {
    if (end == AnswerEnd::kLine && answer.text.ends_with('\n')) break;
    if (const int error = WaitFor(socket, POLLIN, deadline)) return Failed(error);
    const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got == 0) break;
    if (got < 0 && errno != EAGAIN && errno != EINTR) return Failed(errno);
    if (got > 0) answer.text.append(bytes.data(), static_cast<size_t>(got));
  }
  return answer;
}

}  // namespace

Answer Ask(const Endpoint& where, const std::string& question, AnswerEnd end, std::chrono::milliseconds patience) {
  const addrinfo hints{.ai_flags = AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found)) {
    return {.ok = false, .text = ::gai_strerror(error)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  const auto deadline = Clock::now() + patience;
  Answer last;
  for (const addrinfo* to = found; to != nullptr; to = to->ai_next) {
    const FileDescriptor socket(::socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.ok()) {
      last = Failed(errno);
      continue;
    }
    int error = Connect(socket.number(), *to, deadline);
    if (error == 0) error = Send(socket.number(), question, deadline);
    last = error == 0 ? Receive(socket.number(), end, deadline) : Failed(error);
    if (last.ok) break;
  }
  return last;
}

}  // namespace probegate
