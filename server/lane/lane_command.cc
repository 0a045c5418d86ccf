#include "server/lane/lane_command.h"

#include <string>
#include <utility>

#include "probe/error.h"
#include "server/commands/command_outcome.h"
#include "server/metrics/probe_metrics.h"

namespace probegate {
namespace {

// Finds the command's row, and makes its job if it has one. If the command is invalid, sets `refused`.
void Prepare(LaneCommand& command) {
  command.row = FindCommandRow(command.request.request_case());
  if (command.row == nullptr) {
    command.refused = MakeError(ErrorKind::kInvalidArgument, "the request holds no command");
    return;
  }
  if (command.posted && command.row->posted_role != PostedRole::kMay) {
    command.refused = MakeError(ErrorKind::kInvalidArgument, std::string(command.row->name) + " cannot be posted");
    return;
  }
  if (command.row->make_job == nullptr) return;
  auto job = command.row->make_job(command.request);
  command.refused = job.status();
  if (job.ok()) command.job = *std::move(job);
  // Only plain transfers can be posted.
  if (command.posted && command.refused.ok() && !command.job) {
    command.refused =
        MakeError(ErrorKind::kInvalidArgument, std::string(command.row->name) + " to this register cannot be posted");
  }
  if (command.job && command.posted) command.job->posted_as = command.row->name;
}

LaneCommand MakeLaneCommand(v1::StreamRequest&& request, bool posted, const ProbeMetrics& metrics,
                            std::chrono::steady_clock::time_point now) {
  LaneCommand command{.request = std::move(request), .posted = posted};
  Prepare(command);
  command.scope = OperationScope(metrics.command(command.row), OutcomeCancelled(), now);
  return command;
}

}  // namespace

void LaneCommand::GiveUp() {
  refused = absl::CancelledError("the client abandoned the call before its turn came");
  job.reset();
}

void LaneCommand::FillLockResponse(v1::StreamResponse& response) const {
  if (row->kind == CommandKind::kLock) {
    response.mutable_lock();
  } else {
    response.mutable_unlock();
  }
}

std::vector<LaneCommand> MakeLaneCommands(v1::StreamRequest&& request, ReplyCallback done, AbandonedCheck abandoned,
                                          const ProbeMetrics& metrics, std::chrono::steady_clock::time_point now) {
  std::vector<LaneCommand> commands;
  commands.reserve(static_cast<size_t>(request.posted_size()) + 1);
  for (v1::StreamRequest& posted : *request.mutable_posted()) {
    commands.push_back(MakeLaneCommand(std::move(posted), true, metrics, now));
    commands.back().done = [](const v1::StreamResponse&) {};
  }
  if (commands.empty() || request.request_case() != v1::StreamRequest::REQUEST_NOT_SET) {
    request.clear_posted();
    commands.push_back(MakeLaneCommand(std::move(request), false, metrics, now));
  }
  commands.back().done = std::move(done);
  commands.back().abandoned = std::move(abandoned);
  return commands;
}

}  // namespace probegate
