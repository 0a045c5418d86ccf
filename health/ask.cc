#include "health/ask.h"

#include <cstddef>

#include "base/socket.h"

namespace probegate {
namespace {

// The longest answer is that of a simulator with 1000 boards.
constexpr size_t kLongestAnswer = size_t{1} << 20;

Answer Failed(int error) { return {.ok = false, .text = ErrorText(error)}; }

Answer ReadAnswer(int socket, AnswerEnd end, Deadline deadline) {
  Answer answer{.ok = true, .text = ""};
  while (answer.text.size() < kLongestAnswer) {
    if (end == AnswerEnd::kLine && answer.text.ends_with('\n')) break;
    const Received received = Receive(socket, answer.text, deadline);
    if (received.error != 0) return Failed(received.error);
    if (received.size == 0) break;
  }
  return answer;
}

Answer AskAt(const SocketAddress& address, const std::string& question, AnswerEnd end, Deadline deadline) {
  const OpenedSocket opened = ConnectTo(address, deadline);
  if (opened.error != 0) return Failed(opened.error);
  const int socket = opened.socket.number();
  if (const int error = SendAll(socket, question, deadline)) return Failed(error);
  return ReadAnswer(socket, end, deadline);
}

}  // namespace

Answer Ask(const Endpoint& where, const std::string& question, AnswerEnd end, std::chrono::milliseconds patience) {
  const Resolution found = Resolve(where);
  if (!found.ok()) return {.ok = false, .text = found.why};
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  Answer last;
  for (const SocketAddress& address : found.addresses) {
    last = AskAt(address, question, end, deadline);
    if (last.ok) break;
  }
  return last;
}

}  // namespace probegate
