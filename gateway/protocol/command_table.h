// The commands of the remote protocol, one row each: name, arguments, request message, result.
//
// A row binds a name to a handler and to a writer of the result. The handler's parameters are the command's arguments
// (gateway/protocol/arguments.h), and it fills in the request message. A few commands are answered at once, from what
// the gateway knows.
//
// Threads: any; the table is constant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "gateway/protocol/json_codec.h"
#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// What a command may use of its connection.
struct CommandContext {
  const v1::ProbeDescription& probe;
  // Whether the connection has a session upstream.
  bool has_session = false;
  // Whether get_memory_interface_for_ap offers handles.
  bool offer_memory_interface = false;
};

// Writes a successful response's result as JSON. Returns false, and writes nothing, if there is no result.
using ResultWriter = bool (*)(const v1::StreamResponse& response, std::string& out);

// A request that is being turned into a message to the server.
struct Call {
  const CommandContext& context;
  // To be sent, for Step::kSend.
  v1::StreamRequest request;
  // Step::kSend: the client may be answered before the server has carried out the request (gateway/client/posting.h).
  bool may_post = false;
  // Writes the result from the response. Null for commands without a result.
  ResultWriter write_result = nullptr;
  // Step::kAnswer: the result as JSON, or empty if there is none. Step::kRefuse: the error message.
  std::string text;
};

enum class Step : uint8_t {
  kSend,    // send it to the server, and answer with the server's response
  kAnswer,  // answer at once, with status 0
  kRefuse,  // answer at once, with status 1
};

struct Command {
  std::string_view name;
  size_t argument_count;
  // Fills in `call` from a request of `argument_count` arguments.
  Step (*prepare)(const Request& request, Call& call);
  ResultWriter write_result;
  // Replaces the server's message for ERROR_KIND_NOT_FOUND if pyOCD's server has a message of its own for that.
  std::string_view not_found_message;
};

absl::Span<const Command> Commands();

// The command that `request` names, or null if there is no such command. If there is none, or the number of arguments
// is wrong, sets `error` to the error message; otherwise leaves it unchanged.
const Command* FindCommand(const Request& request, std::string_view& error);

}  // namespace probegate
