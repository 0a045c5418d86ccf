#include "gateway/protocol/json_codec.h"

#include "gateway/json/json_writer.h"

namespace probegate {
namespace {

// IDs longer than this are unusual.
constexpr size_t kLongId = 1024;
// Of a reply without its ID and result; only a long error message needs more.
constexpr size_t kRestOfReply = 512;

bool IsKey(const JsonValue& key, std::string_view name) {
  const std::string_view inside = key.text.substr(1, key.text.size() - 2);
  if (inside == name) return true;
  return inside.find('\\') != std::string_view::npos && DecodeJsonString(key) == name;
}

// Reads the arguments, after the opening bracket, and stores the first of them.
bool ReadArguments(JsonReader& reader, Request& request) {
  request.argument_count = 0;
  if (reader.Consume(']')) return true;
  do {
    JsonValue value;
    if (!reader.ReadValue(value)) return false;
    if (request.argument_count < Request::kMaxArguments) request.arguments[request.argument_count] = value;
    ++request.argument_count;
  } while (reader.Consume(','));
  return reader.Consume(']');
}

struct Seen {
  bool id = false;
  bool name = false;
  bool arguments_are_list = true;
};

bool ReadMember(JsonReader& reader, Request& request, Seen& seen) {
  JsonValue key;
  JsonValue value;
  if (!reader.ReadValue(key) || !key.is_string() || !reader.Consume(':')) return false;
  if (IsKey(key, "arguments")) {
    seen.arguments_are_list = reader.Consume('[');
    return seen.arguments_are_list ? ReadArguments(reader, request) : reader.ReadValue(value);
  }
  if (!reader.ReadValue(value)) return false;
  if (IsKey(key, "id")) {
    seen.id = true;
    request.id = value.text;
  } else if (IsKey(key, "request")) {
    seen.name = true;
    request.name = value;
  } else if (IsKey(key, "traceparent")) {
    request.traceparent = value;
  }
  return true;
}

bool ReadRequest(JsonReader& reader, Request& request, Seen& seen) {
  if (!reader.Consume('{')) return false;
  if (!reader.Consume('}')) {
    do {
      if (!ReadMember(reader, request, seen)) return false;
    } while (reader.Consume(','));
    if (!reader.Consume('}')) return false;
  }
  return reader.AtEnd();
}

}  // namespace

std::string_view ParseRequest(std::string_view line, Request& request) {
  if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  request = Request();
  JsonReader reader(line);
  Seen seen;
  if (!ReadRequest(reader, request, seen)) {
    request.id = Request().id;
    return "invalid request format";
  }
  if (!seen.id) return "missing request ID";
  if (!seen.name) return "missing request field";
  if (!seen.arguments_are_list) return "invalid request arguments format";
  return {};
}

void BeginReply(std::string& out, std::string_view id, ReplyStatus status) {
  // A long ID takes its own length of memory once, and not several times while the string grows.
  if (id.size() > kLongId) out.reserve(out.size() + id.size() + kRestOfReply);
  out += "{\"id\": ";
  out += id;
  out += ", \"status\": ";
  AppendUnsigned(out, static_cast<uint64_t>(status));
}

void EndReply(std::string& out) { out += "}\n"; }

void AppendErrorReply(std::string& out, std::string_view id, ReplyStatus status, std::string_view message) {
  BeginReply(out, id, status);
  out += ", \"error\": ";
  AppendJsonString(out, message);
  EndReply(out);
}

}  // namespace probegate
