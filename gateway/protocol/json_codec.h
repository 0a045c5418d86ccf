// The lines of the remote protocol: parses requests and writes replies. See docs/protocol.md.
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

// May come before a request, and is ignored.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// A parsed request. Its members refer to the line that it was read from.
struct Request {
  static constexpr size_t kMaxArguments = 4;

  // The ID as the client wrote it, in JSON. The reply repeats it character by character.
  std::string_view id = "-1";
  JsonValue name;
  // How many arguments the client sent, and the first of them.
  size_t argument_count = 0;
  std::array<JsonValue, kMaxArguments> arguments;
  // Not validated. Null if the client sent none.
  JsonValue traceparent;
};

// Parses `line`. Returns what is wrong with it, in the words of pyOCD's server, or an empty string if it is
// well-formed. In either case the reply's ID is `request.id`. If a member occurs twice, the last one counts. Unknown
// members are ignored.
std::string_view ParseRequest(std::string_view line, Request& request);

// Appends the beginning of a reply, up to the result: `{"id": <id>, "status": <status>`.
void BeginReply(std::string& out, std::string_view id, ReplyStatus status);
// Appends the end of a reply, including the LF.
void EndReply(std::string& out);
// Comes before the result.
inline constexpr std::string_view kResultKey = ", \"result\": ";

// Appends a whole error reply. `message` is UTF-8.
void AppendErrorReply(std::string& out, std::string_view id, ReplyStatus status, std::string_view message);

}  // namespace probegate
