#include "cli/servers/gateway_ports.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <string_view>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "base/background.h"
#include "base/socket.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kBound{1};  // for connecting, for sending, and for both replies
constexpr size_t kMaxReply = 4096;         // bytes, of both replies together
constexpr std::string_view kRequests =
    "{\"id\":0,\"request\":\"hello\",\"arguments\":[1]}\n"
    "{\"id\":1,\"request\":\"readprop\",\"arguments\":[\"unique_id\"]}\n";

Deadline NextBound() { return std::chrono::steady_clock::now() + kBound; }

std::string ReadTwoLines(int socket) {
  std::string text;
  const Deadline deadline = NextBound();
  while (text.size() < kMaxReply && std::count(text.begin(), text.end(), '\n') < 2) {
    if (Receive(socket, text, deadline).size == 0) break;
  }
  return text;
}

// The result of the second reply, if there is one.
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
  for (const SocketAddress& address : Resolve(port).addresses) {
    const OpenedSocket opened = ConnectTo(address, NextBound());
    if (opened.error != 0) continue;
    if (SendAll(opened.socket.number(), kRequests, NextBound()) != 0) return {};
    return UniqueIdIn(ReadTwoLines(opened.socket.number()));
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
