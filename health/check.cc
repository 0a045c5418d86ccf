#include "health/check.h"

#include <string_view>

#include "health/ask.h"

namespace probegate {
namespace {

Health NoAnswer(const Endpoint& where, const std::string& why) {
  return {.well = false, .why = where.ToString() + ": " + why};
}

// "HTTP/1.1 200 OK": its second word.
std::string_view StatusOf(std::string_view answer) {
  constexpr std::string_view kProtocol = "HTTP/1.";
  const size_t blank = answer.find(' ');
  if (!answer.starts_with(kProtocol) || blank != kProtocol.size() + 1) return "";
  const std::string_view rest = answer.substr(blank + 1);
  return rest.substr(0, rest.find_first_of(" \r\n"));
}

std::string_view BodyOf(std::string_view answer) {
  constexpr std::string_view kEmptyLine = "\r\n\r\n";
  const size_t end = answer.find(kEmptyLine);
  return end == std::string_view::npos ? "" : answer.substr(end + kEmptyLine.size());
}

std::string Trimmed(std::string_view text) {
  const size_t last = text.find_last_not_of("\r\n ");
  return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

}  // namespace

Health CheckHttp(const Endpoint& where, const std::string& path, std::chrono::milliseconds patience) {
  const std::string question =
      "GET " + path + " HTTP/1.0\r\nHost: " + where.ToString() + "\r\nConnection: close\r\n\r\n";
  const Answer answer = Ask(where, question, AnswerEnd::kConnection, patience);
  if (!answer.ok) return NoAnswer(where, answer.text);
  const std::string_view status = StatusOf(answer.text);
  if (status.empty()) return NoAnswer(where, "what answers is no HTTP");
  return {.well = status == "200", .why = Trimmed(BodyOf(answer.text))};
}

Health CheckSim(const Endpoint& control, std::chrono::milliseconds patience) {
  const Answer answer = Ask(control, "{\"command\": \"boards\"}\n", AnswerEnd::kLine, patience);
  if (!answer.ok) return NoAnswer(control, answer.text);
  // Its keys are in the order of the alphabet, and "ok" is the last.
  const std::string line = Trimmed(answer.text);
  const bool well = line.starts_with("{\"boards\":[") && line.ends_with(",\"ok\":true}");
  return {.well = well, .why = line};
}

}  // namespace probegate
