#include "server/commands/command_outcome.h"

#include "probe/error.h"

namespace probegate {

size_t OutcomeCancelled() { return 1 + ErrorKinds().size(); }

size_t OutcomeCount() { return OutcomeCancelled() + 1; }

size_t OutcomeOf(const absl::Status& status) {
  if (status.ok()) return kOutcomeOk;
  if (status.code() == absl::StatusCode::kCancelled) return OutcomeCancelled();
  return 1 + static_cast<size_t>(GetError(status).kind);
}

std::string_view OutcomeName(size_t outcome) {
  if (outcome == kOutcomeOk) return "ok";
  return outcome == OutcomeCancelled() ? "cancelled" : ErrorKinds()[outcome - 1].name;
}

}  // namespace probegate
