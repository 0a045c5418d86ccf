#include "cli/servers/gateway_ports.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <memory>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "base/background.h"

namespace probegate {
namespace {

constexpr timeval kBound{.tv_sec = 1, .tv_usec = 0};
constexpr size_t kMaxReply = 4096;  // bytes of both replies
constexpr char kRequests[] =
    "{\"id\":0,\"request\":\"hello\",\"arguments\":[1]}\n"
    "{\"id\":1,\"request\":\"readprop\",\"arguments\":[\"unique_id\"]}\n";

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// Linux bounds connect by SO_SNDTIMEO, too.
bool Connect(const Socket& socket, const addrinfo& address) {
  setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kBound, sizeof kBound);
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &kBound, sizeof kBound);
  return connect(socket.fd(), address.ai_addr, address.ai_addrlen) == 0;
}

std::string ReadTwoLines(const Socket& socket) {
  std::string text;
  char buffer[512];
  while (text.size() < kMaxReply && std::count(text.begin(), text.end(), '\n') < 2) {
    const ssize_t got = recv(socket.fd(), buffer, sizeof buffer, 0);
    if (got <= 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

// The result of the second reply, where it is one.
std::string UniqueIdIn(const std::string& replies) {
  const size_t first = replies.find('\n');
  if (first == std::string::npos) return {};
  const size_t second = replies.find('\n', first + 1);
  if (second == std::string::npos) return {};
  google::protobuf::Struct reply;
  if (!google::protobuf::util::JsonStringToMessage(replies.substr(first + 1, second - first - 1), &reply).ok())
    return {};
  const auto result = reply.fields().find("result");
  return result == reply.fields().end() ? std::string() : result->second.string_value();
}

std::string AskUniqueId(const Endpoint& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(port.host.c_str(), std::to_string(port.port).c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!Connect(socket, *address)) continue;
    if (send(socket.fd(), kRequests, sizeof kRequests - 1, MSG_NOSIGNAL) < 0) return {};
    return UniqueIdIn(ReadTwoLines(socket));
  }
  return {};
}

}  // namespace

std::map<std::string, std::string> AskGatewayPorts(const std::vector<Endpoint>& ports) {
  std::vector<std::future<std::string>> answers;
  for (const Endpoint& port : ports) {
    answers.push_back(
        InBackground([&port] { return AskUniqueId(port); }, [](const std::string&) { return std::string(); }));
  }
  std::map<std::string, std::string> served;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (std::string unique_id = answers[i].get(); !unique_id.empty()) served[unique_id] = ports[i].ToString();
  }
  return served;
}

}  // namespace probegate
