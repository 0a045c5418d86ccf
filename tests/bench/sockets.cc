#include "tests/bench/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace probegate::bench {
namespace {

[[noreturn]] void ThrowErrno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

sockaddr_in Resolve(const Address& address) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(address.port);
  if (inet_pton(AF_INET, address.host.c_str(), &result.sin_addr) != 1) {
    throw std::runtime_error(address.host + " is not an IPv4 address");
  }
  return result;
}

// Line reset, JTAG to SWD, line reset, idle; then power. See Arm IHI 0031, §B5.3.
constexpr std::string_view kAttach[] = {
    R"({"id":0,"request":"hello","arguments":[1]})",
    R"({"id":0,"request":"open"})",
    R"({"id":0,"request":"connect","arguments":["SWD"]})",
    R"({"id":0,"request":"lock"})",
    R"({"id":0,"request":"swj_sequence","arguments":[51,2251799813685247]})",
    R"({"id":0,"request":"swj_sequence","arguments":[16,59294]})",
    R"({"id":0,"request":"swj_sequence","arguments":[51,2251799813685247]})",
    R"({"id":0,"request":"swj_sequence","arguments":[8,0]})",
    R"({"id":0,"request":"read_dp","arguments":[0]})",
    R"({"id":0,"request":"unlock"})",
    R"({"id":0,"request":"write_dp","arguments":[4,1342177280]})",
};

}  // namespace

Socket::Socket(const Address& address, Mode mode)
    : file_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (mode == Mode::kNonBlocking ? SOCK_NONBLOCK : 0), 0)) {
  if (!file_.ok()) ThrowErrno("socket");
  const int one = 1;
  ::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const sockaddr_in to = Resolve(address);
  if (::connect(fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    ThrowErrno("connect");
}

void Socket::SendAll(std::string_view data) const {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0) ThrowErrno("send");
    data.remove_prefix(static_cast<size_t>(sent));
  }
}

void Socket::Receive(std::string& buffer) const {
  std::array<char, 65536> chunk;
  const ssize_t received = ::recv(fd(), chunk.data(), chunk.size(), 0);
  if (received < 0) ThrowErrno("recv");
  if (received == 0) throw std::runtime_error("the other side closed the connection");
  buffer.append(chunk.data(), static_cast<size_t>(received));
}

std::string Socket::ReceiveExactly(size_t size) const {
  std::string result;
  while (result.size() < size) Receive(result);
  if (result.size() > size) throw std::runtime_error("more came than was asked for");
  return result;
}

void JsonLines::ExpectOk() {
  size_t end;
  while ((end = received_.find('\n')) == std::string::npos) socket_.Receive(received_);
  CheckReply(std::string_view(received_).substr(0, end));
  received_.erase(0, end + 1);
}

size_t JsonLines::TakeReplies() {
  socket_.Receive(received_);
  size_t replies = 0;
  size_t begin = 0;
  for (size_t end; (end = received_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    CheckReply(std::string_view(received_).substr(begin, end - begin));
    ++replies;
  }
  received_.erase(0, begin);
  return replies;
}

// All that matters about a reply is whether it is an error. Parsing it would cost more than some of what is measured.
void JsonLines::CheckReply(std::string_view reply) {
  if (reply.find(R"("error")") != std::string_view::npos)
    throw std::runtime_error("error reply: " + std::string(reply));
}

void JsonLines::Attach() {
  for (const std::string_view line : kAttach) Call(std::string(line) + "\n");
}

}  // namespace probegate::bench
