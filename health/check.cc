#include "health/check.h"

#include <optional>
#include <string_view>

#include "health/ask.h"

namespace probegate {
namespace {

constexpr size_t kLongestWhy = 1000;

// A character that is not printable ASCII, as "\x1b".
std::string Escaped(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 0xF]};
}

// `text` in the format of Health::why. Line ends become "; ", because a program that lacks several things writes a line
// for each.
std::string OneLine(std::string_view text) {
  constexpr std::string_view kBlank = "\r\n ";
  std::string line;
  text = text.substr(0, text.find_last_not_of(kBlank) + 1);
  for (; !text.empty(); text.remove_prefix(1)) {
    if (line.size() >= kLongestWhy) return line + "...";
    const char c = text.front();
    if (c == '\n') {
      line += "; ";
    } else if (c >= ' ' && c <= '~') {
      line += c;
    } else if (!text.starts_with("\r\n")) {
      line += Escaped(c);
    }
  }
  return line;
}

Health NoAnswer(const Endpoint& where, const std::string& why) {
  return {.well = false, .why = where.ToString() + ": " + why};
}

// The status code: the second word of "HTTP/1.1 200 OK".
std::string_view StatusOf(std::string_view answer) {
  constexpr std::string_view kProtocol = "HTTP/1.";
  const size_t blank = answer.find(' ');
  if (!answer.starts_with(kProtocol) || blank != kProtocol.size() + 1) return "";
  const std::string_view rest = answer.substr(blank + 1);
  return rest.substr(0, rest.find_first_of(" \r\n"));
}

// The body of the reply; nothing if its headers are incomplete.
std::optional<std::string_view> BodyOf(std::string_view answer) {
  constexpr std::string_view kEmptyLine = "\r\n\r\n";
  const size_t end = answer.find(kEmptyLine);
  if (end == std::string_view::npos) return std::nullopt;
  return answer.substr(end + kEmptyLine.size());
}

}  // namespace

Health CheckHttp(const Endpoint& where, const std::string& path, std::chrono::milliseconds patience) {
  const std::string question =
      "GET " + path + " HTTP/1.0\r\nHost: " + where.ToString() + "\r\nConnection: close\r\n\r\n";
  const Answer answer = Ask(where, question, AnswerEnd::kConnection, patience);
  if (!answer.ok) return NoAnswer(where, answer.text);
  const std::string_view status = StatusOf(answer.text);
  if (status.empty()) return NoAnswer(where, "the answer is not HTTP");
  const std::optional<std::string_view> body = BodyOf(answer.text);
  if (!body) return NoAnswer(where, "the answer is incomplete");
  return {.well = status == "200", .why = OneLine(*body)};
}

Health CheckSim(const Endpoint& control, std::chrono::milliseconds patience) {
  const Answer answer = Ask(control, "{\"command\": \"boards\"}\n", AnswerEnd::kLine, patience);
  if (!answer.ok) return NoAnswer(control, answer.text);
  // The keys of the answer are sorted alphabetically, and "ok" is the last.
  const bool well = answer.text.starts_with("{\"boards\":[") && answer.text.ends_with(",\"ok\":true}\n");
  return {.well = well, .why = OneLine(answer.text)};
}

}  // namespace probegate
