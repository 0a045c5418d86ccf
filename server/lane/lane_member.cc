#include "server/lane/lane_member.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace probegate {

LaneMember::LaneMember(SessionSnapshot snapshot, Session::EndCallback on_end, TimePoint now)
    : snapshot_(std::move(snapshot)), on_end_(std::move(on_end)), last_active_(now) {
  state.who = DescribeClient(snapshot_);
}

LaneMember::Leftovers LaneMember::TakeLeftovers() {
  return {.commands = std::exchange(commands_, {}), .on_end = std::exchange(on_end_, nullptr)};
}

std::optional<LaneMember::Leftovers> LaneMember::End(const SessionEnd& end) {
  end_ = end;
  state.over = true;
  stage_ = on_wire_ ? Stage::kEnding : Stage::kEnded;
  if (on_wire_) return std::nullopt;
  return TakeLeftovers();
}

std::optional<LaneMember::Leftovers> LaneMember::Answered() {
  if (stage_ != Stage::kEnding) return std::nullopt;
  stage_ = Stage::kEnded;
  return TakeLeftovers();
}

LaneMember::Leftovers LaneMember::Leave() {
  stage_ = Stage::kLeft;
  state.over = true;
  return TakeLeftovers();
}

void LaneMember::NoteActive(TimePoint now) {
  last_active_ = now;
  snapshot_.last_command_at = std::chrono::system_clock::now();
}

void LaneMember::Add(std::vector<LaneCommand>& commands) {
  std::move(commands.begin(), commands.end(), std::back_inserter(commands_));
}

LaneCommand LaneMember::TakeFront() {
  LaneCommand command = std::move(commands_.front());
  commands_.pop_front();
  on_wire_ = true;
  return command;
}

void LaneMember::Executed(TimePoint now) {
  on_wire_ = false;
  last_active_ = now;
}

void LaneMember::CountWrites(const TransferJob& job) {
  if (job.steps.empty() || !job.steps.front().write || job.steps.front().target != TransferStep::Target::kMemory)
    return;
  uint64_t bytes = job.bytes_done;
  if (job.status.ok()) {
    bytes = 0;
    for (const TransferStep& step : job.steps) bytes += step.run.byte_count;
  }
  if (bytes == 0) return;
  // The steps of a job are one after the other in the target's memory.
  const uint64_t first = job.steps.front().run.address;
  snapshot_.written.bytes += bytes;
  snapshot_.written.first = std::min(snapshot_.written.first, first);
  snapshot_.written.last = std::max(snapshot_.written.last, first + bytes - 1);
}

bool LaneMember::UpdateSnapshot() {
  const bool open = state.open_count > 0;
  const bool changed = snapshot_.has_open != open;
  snapshot_.has_open = open;
  snapshot_.is_connected = state.connect_count > 0;
  return changed;
}

}  // namespace probegate
