// How the commands of a lane end: each is counted and logged once, then answered or dropped.
//
// Threads: any, without the lane's mutex: an answer is a callback.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/lane/lane_command.h"
#include "telemetry/log.h"

namespace probegate {

class ProbeMetrics;

class CommandAnswers {
 public:
  using Clock = std::chrono::steady_clock;

  // Both must outlive this.
  CommandAnswers(const ProbeMetrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

  // `command`, of the session named `session`, ended with `status`. If that is OK, `response` is its answer.
  void Answer(const std::string& session, LaneCommand& command, const absl::Status& status,
              v1::StreamResponse&& response, Clock::time_point now) const;
  // `command` was not carried out, and is answered with the error `why`.
  void Refuse(const std::string& session, LaneCommand& command, const absl::Status& why) const;
  // The owner of the session has dropped it: `command` is counted as cancelled, and not answered. Its callback is
  // destroyed.
  void Drop(const std::string& session, LaneCommand& command, Clock::time_point now) const;

 private:
  void CountAndLog(const std::string& session, LaneCommand& command, size_t outcome, Clock::time_point now) const;

  const ProbeMetrics& metrics_;
  Log& log_;
};

}  // namespace probegate
