#include "debug/gateway_log.h"

namespace probegate {
namespace {

constexpr char kOpened[] = "\"event\":\"session.opened\",";
constexpr char kLost[] = "\"event\":\"session.lost\",";

// The string at `field` of a JSON line. Of an escape sequence, the character after the backslash is returned as it is.
std::string TextOf(const std::string& line, const std::string& field) {
  const std::string before = "\"" + field + "\":\"";
  std::string text;
  const size_t at = line.find(before);
  if (at == std::string::npos) return text;
  for (size_t i = at + before.size(); i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    text += line[i];
  }
  return text;
}

}  // namespace

std::optional<std::string> GatewayLog::ReadLoss(const std::string& line) {
  if (gdb_server_session_.empty() && line.find(kOpened) != std::string::npos) {
    gdb_server_session_ = TextOf(line, "session");
  }
  if (line.find(kLost) == std::string::npos || TextOf(line, "session") != gdb_server_session_) return std::nullopt;
  return TextOf(line, "reason");
}

}  // namespace probegate
