// What a lane carries out in one go: LaneQueue puts it together, BatchRunner carries it out, Lane answers it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "probegate/v1/debug_probe.pb.h"
#include "server/lane/lane_command.h"
#include "server/lane/lane_member.h"

namespace probegate {

// A command, or a session's farewell, and what came of it.
struct BatchItem {
  enum class Fate : uint8_t { kAnswered, kGoesOn, kDropped };

  std::shared_ptr<LaneMember> member;
  LaneCommand command;
  bool farewell = false;  // no command: the session is gone, and gives back what it has
  size_t transfers = 0;   // of its job, how many were left when the batch was taken

  // Set by BatchRunner; the status also by LaneQueue, for an unlock and for what ends with its session.
  v1::StreamResponse response;
  absl::Status status;
  bool unfinished = false;  // the rest, or all of it, is for another batch; then so is everything after it

  // Set by LaneQueue::Executed: it is to be answered, waits again, or is dropped without an answer.
  Fate fate = Fate::kAnswered;
};

// In the order in which it is carried out.
using Batch = std::vector<BatchItem>;

}  // namespace probegate
