#include "gateway/protocol/first_line.h"

#include <algorithm>
#include <array>

#include "gateway/json/json_reader.h"
#include "gateway/protocol/json_codec.h"

namespace probegate {
namespace {

// RFC 9110 §9.3, PATCH (RFC 5789), and the first word of HTTP/2's preface (RFC 9113 §3.4).
constexpr auto kMethods = std::to_array<std::string_view>(
    {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI "});

// A record of type handshake, of any version (RFC 8446 §5.1).
constexpr std::string_view kTlsRecord = "\x16\x03";

// Whether one of the two is the beginning of the other.
bool Agree(std::string_view a, std::string_view b) {
  const size_t length = std::min(a.size(), b.size());
  return a.substr(0, length) == b.substr(0, length);
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

FirstBytes LookAt(std::string_view bytes) {
  if (bytes.starts_with(kByteOrderMark)) {
    bytes.remove_prefix(kByteOrderMark.size());
  } else if (kByteOrderMark.starts_with(bytes)) {
    return FirstBytes::kTooFew;
  }
  while (!bytes.empty() && IsSpace(bytes.front())) bytes.remove_prefix(1);
  if (bytes.empty()) return FirstBytes::kTooFew;
  if (bytes.front() == '{') return FirstBytes::kObject;
  if (Agree(bytes, kTlsRecord)) return FirstBytes::kTls;
  const auto agrees = [bytes](std::string_view method) { return Agree(bytes, method); };
  return std::ranges::any_of(kMethods, agrees) ? FirstBytes::kHttp : FirstBytes::kOther;
}

bool IsJsonObject(std::string_view line) {
  if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  JsonReader reader(line);
  JsonValue value;
  return reader.ReadValue(value) && value.kind == JsonValue::Kind::kObject && reader.AtEnd();
}

}  // namespace probegate
