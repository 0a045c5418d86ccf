#include <utility>

#include "server/commands/commands.h"
#include "server/commands/request_checks.h"

namespace probegate::commands {

absl::Status RunHasSwo(SharedProbe& probe, SessionState&, const Request&, Response& response) {
  response.mutable_has_swo()->set_has_swo(probe.info().features.swo);
  return absl::OkStatus();
}

absl::Status RunSwoStart(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  if (request.swo_start().baudrate() == 0) return InvalidArgument("invalid SWO rate of 0 baud; it must be 1 or more");
  response.mutable_swo_start();
  return probe.SwoStart(session, request.swo_start().baudrate());
}

absl::Status RunSwoStop(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  response.mutable_swo_stop();
  return probe.SwoStop(session);
}

absl::Status RunSwoRead(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  auto taken = probe.SwoRead(session);
  if (!taken.ok()) return taken.status();
  auto* answer = response.mutable_swo_read();
  answer->set_data(std::move(taken->bytes));
  answer->set_data_lost(taken->lost);
  answer->set_garbled(taken->garbled);
  return absl::OkStatus();
}

}  // namespace probegate::commands
