// The commands of the remote protocol, one row each: name, arguments, request message, result.
//
// A row binds a name to a handler whose parameters are the command's arguments (gateway/protocol/arguments.h) and which
// fills in the request message, and to a writer of the result. Few commands are answered here and now, from what the
// gateway knows.
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
  // What is known of the probe.
  const v1::ProbeDescription& probe;
  // Whether the connection has a session upstream.
  bool has_session = false;
  // Whether get_memory_interface_for_ap offers handles.
  bool offer_memory_interface = false;
};

// Writes a successful response's result as JSON. False where the command has none; nothing is written then.
using ResultWriter = bool (*)(const v1::StreamResponse& response, std::string& out);

// A request that is being made into a command.
struct Call {
  const CommandContext& context;
  // To be sent, for Step::kSend.
  v1::StreamRequest request;
  // Step::kSend: its client may be answered before the server has carried it out (gateway/client/posting.h).
  bool may_post = false;
  // What the response is written with. Null for commands without result.
  ResultWriter write_result = nullptr;
  // Step::kAnswer: the result as JSON, empty for none. Step::kRefuse: what is wrong.
  std::string text;
};

enum class Step : uint8_t {
  kSend,    // upstream, and answer with its response
  kAnswer,  // at once, with status 0
  kRefuse,  // at once, with status 1
};

struct Command {
  std::string_view name;
  size_t argument_count;
  // Fills in `call` from a request of `argument_count` arguments.
  Step (*prepare)(const Request& request, Call& call);
  ResultWriter write_result;
  // The message for ERROR_KIND_NOT_FOUND in place of the server's, where pyOCD's server has words of its own.
  std::string_view not_found_message;
};

absl::Span<const Command> Commands();

// The command that `request` names; null where there is none. `error` says why it cannot be carried out, because there
// is none or because the arguments' number is wrong, and is left alone where it can be.
const Command* FindCommand(const Request& request, std::string_view& error);

}  // namespace probegate
