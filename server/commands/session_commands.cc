#include "server/commands/commands.h"

namespace probegate::commands {

absl::Status RunGetState(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  auto* state = response.mutable_get_state();
  state->set_is_open(session.open_count > 0);
  if (const auto protocol = probe.ProtocolFor(session)) state->set_wire_protocol(ToProto(*protocol));
  return absl::OkStatus();
}

absl::Status RunOpen(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  response.mutable_open();
  return probe.Open(session);
}

absl::Status RunClose(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  response.mutable_close();
  return probe.Close(session);
}

}  // namespace probegate::commands
