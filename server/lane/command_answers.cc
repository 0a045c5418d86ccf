#include "server/lane/command_answers.h"

#include <cstdint>
#include <utility>

#include "server/commands/command_outcome.h"
#include "server/commands/command_table.h"
#include "server/commands/error_detail.h"
#include "server/metrics/probe_metrics.h"
#include "telemetry/trace_context.h"

namespace probegate {
namespace {

int64_t Microseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

void CommandAnswers::Answer(const std::string& session, LaneCommand& command, const absl::Status& status,
                            v1::StreamResponse&& response, Clock::time_point now) const {
  CountAndLog(session, command, OutcomeOf(status), now);
  if (!status.ok()) *response.mutable_error() = ToErrorDetail(status, metrics_.unique_id());
  response.set_request_id(command.request.request_id());
  command.done(std::move(response));
}

void CommandAnswers::Refuse(const std::string& session, LaneCommand& command, const absl::Status& why) const {
  Answer(session, command, why, {}, Clock::now());
}

void CommandAnswers::Drop(const std::string& session, LaneCommand& command, Clock::time_point now) const {
  CountAndLog(session, command, OutcomeCancelled(), now);
  command.done = nullptr;
}

void CommandAnswers::CountAndLog(const std::string& session, LaneCommand& command, size_t outcome,
                                 Clock::time_point now) const {
  command.scope.Finish(outcome, now);
  if (!log_.enabled(LogLevel::kDebug)) return;
  log_.Debug("command.done", {{"probe", metrics_.unique_id()},
                              {"session", session},
                              {"request", command.request.request_id()},
                              {"command", CommandName(CommandNumber(command.row))},
                              {"outcome", OutcomeName(outcome)},
                              {"wait_us", Microseconds(command.scope.waited())},
                              {"wire_us", Microseconds(command.scope.worked())},
                              {"trace", TraceIdOf(command.request.traceparent())}});
}

}  // namespace probegate
