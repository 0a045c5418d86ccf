// The remote protocol's lines: a request taken apart, a reply put together. See docs/protocol.md.
//
// Threads: any.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "gateway/json/json_reader.h"

namespace probegate {

// The remote protocol's status numbers.
enum class ReplyStatus : uint8_t {
  kOk = 0,
  kGeneralError = 1,
  kProbeDisconnected = 2,
  kProbeError = 3,
  kTransferError = 10,
  kTransferTimeout = 11,
  kTransferFault = 12,
};

// A request, whose parts stand in the line that it was read from.
struct Request {
  static constexpr size_t kMaxArguments = 4;

  // The id as the client wrote it, in JSON: it goes back character by character.
  std::string_view id = "-1";
  JsonValue name;
  // How many the client sent, and the first ones of them.
  size_t argument_count = 0;
  std::array<JsonValue, kMaxArguments> arguments;
  // Null where the client sent none; not checked.
  JsonValue traceparent;
};

// Takes `line` apart. Returns what is wrong with it, in the words of pyOCD's server, or nothing where it is
// well-formed. Then, too, `request.id` is the one to answer with. Of members named twice the last counts; others are
// ignored.
std::string_view ParseRequest(std::string_view line, Request& request);

// A reply's line but for the result and the end: `{"id": <id>, "status": <status>`.
void BeginReply(std::string& out, std::string_view id, ReplyStatus status);
// Its end, with LF.
void EndReply(std::string& out);
// What stands before the result.
inline constexpr std::string_view kResultKey = ", \"result\": ";

// A whole reply that says what went wrong. `message` is UTF-8.
void AppendErrorReply(std::string& out, std::string_view id, ReplyStatus status, std::string_view message);

}  // namespace probegate
