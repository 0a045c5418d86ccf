// Feeds arbitrary bytes from a client to the line framer, the request codec and the commands' arguments.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "gateway/json/json_writer.h"
#include "gateway/protocol/command_table.h"
#include "gateway/protocol/json_codec.h"
#include "gateway/protocol/line_framer.h"

namespace probegate {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void RequireOneJsonObject(std::string_view reply) {
  Require(reply.ends_with("}\n"));
  JsonReader reader(reply);
  JsonValue value;
  Require(reader.ReadValue(value) && reader.AtEnd() && value.kind == JsonValue::Kind::kObject);
  Require(std::count(reply.begin(), reply.end(), '\n') == 1);
}

void TakeLine(std::string_view line, const v1::ProbeDescription& probe) {
  Request request;
  std::string_view error = ParseRequest(line, request);
  const Command* const command = error.empty() ? FindCommand(request, error) : nullptr;
  std::string reply;
  if (!error.empty()) {
    AppendErrorReply(reply, request.id, ReplyStatus::kGeneralError, error);
    RequireOneJsonObject(reply);
    return;
  }
  const CommandContext context{.probe = probe, .has_session = true, .offer_memory_interface = true};
  Call call{.context = context};
  switch (command->prepare(request, call)) {
    case Step::kSend:
      Require(call.request.request_case() != v1::StreamRequest::REQUEST_NOT_SET);
      return;
    case Step::kAnswer:
      BeginReply(reply, request.id, ReplyStatus::kOk);
      if (!call.text.empty()) reply.append(kResultKey).append(call.text);
      EndReply(reply);
      break;
    case Step::kRefuse:
      AppendErrorReply(reply, request.id, ReplyStatus::kGeneralError, call.text);
      break;
  }
  RequireOneJsonObject(reply);
}

}  // namespace
}  // namespace probegate

// The first byte determines the size of the pieces in which the other bytes arrive.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = size_t{1} + data[0];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const probegate::v1::ProbeDescription probe;
  probegate::LineFramer framer(4096);
  while (!rest.empty() && !framer.too_long()) {
    const auto space = framer.Prepare();
    const size_t count = std::min({piece, space.size, rest.size()});
    std::memcpy(space.data, rest.data(), count);
    framer.Commit(count);
    rest.remove_prefix(count);
    while (const auto line = framer.Next()) probegate::TakeLine(*line, probe);
  }
  if (const auto line = framer.TakeRest()) probegate::TakeLine(*line, probe);
  return 0;
}
