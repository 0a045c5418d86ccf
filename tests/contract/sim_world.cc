#include "tests/contract/sim_world.h"

#include <utility>

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTooLate = SimWorld::kReplyTimeout * 7 / 4;

constexpr uint32_t kItmBusy = 1u << 23;

// How the simulated board makes each failure: the rest of an "inject" request.
struct FaultRow {
  ProbeFailure failure;
  nlohmann::json inject;
};
const std::vector<FaultRow>& Faults() {
  static const std::vector<FaultRow> rows = {
      {ProbeFailure::kWait, {{"fault", "wait"}}},
      {ProbeFailure::kFault, {{"fault", "fault"}}},
      {ProbeFailure::kNoAck, {{"fault", "no_ack"}}},
      {ProbeFailure::kDropReply, {{"fault", "drop_reply"}}},
      {ProbeFailure::kLateReply, {{"fault", "late_reply"}, {"milliseconds", kTooLate.count()}}},
      {ProbeFailure::kStaleReply, {{"fault", "stale_reply"}}},
      {ProbeFailure::kRepeatReply, {{"fault", "repeat_reply"}}},
      {ProbeFailure::kCorruptReply, {{"fault", "corrupt_reply"}, {"corruption", "command"}}},
      {ProbeFailure::kTruncateReply, {{"fault", "corrupt_reply"}, {"corruption", "truncated"}}},
      {ProbeFailure::kGarbleStream, {{"fault", "corrupt_reply"}, {"corruption", "signature"}}},
      {ProbeFailure::kUnplug, {{"fault", "unplug"}}},
  };
  return rows;
}

}  // namespace

void SimWorld::Inject(ProbeFailure failure, uint64_t at, uint64_t times) {
  for (const FaultRow& row : Faults()) {
    if (row.failure != failure) continue;
    nlohmann::json request = row.inject;
    request.update({{"command", "inject"}, {"board", 0}, {"at", at}, {"times", times}});
    sim_.Ask(request);
  }
}

std::vector<uint32_t> SimWorld::ReadTarget(uint32_t address, size_t count) {
  std::vector<nlohmann::json> requests;
  for (size_t i = 0; i < count; ++i) {
    requests.push_back({{"command", "read_word"}, {"board", 0}, {"address", address + 4 * i}});
  }
  std::vector<uint32_t> words;
  for (const nlohmann::json& answer : sim_.AskAll(requests)) words.push_back(answer.at("value"));
  return words;
}

std::vector<uint8_t> SimWorld::SendSwo() {
  // DEMCR.TRCENA; the ITM unlocked and on, without timestamps, and port 5, which the board's program does not use;
  // the pin given to SWO, 32 MHz divided by 32, NRZ.
  constexpr std::pair<uint32_t, uint32_t> kSetUp[] = {
      {0xE000EDFC, 1u << 24},   {0xE0000FB0, 0xC5ACCE55}, {0xE0000E80, 1}, {0xE0000E00, 1u << 5},
      {0x4000055C, 0x10000},    {0xE0040010, 31},         {0xE00400F0, 2}, {0xE0040304, 0x100},
      {0xE0000014, 0x44434241}, {0xE0000014, 0x48474645},
  };
  for (const auto& [address, value] : kSetUp) {
    sim_.Ask({{"command", "write_word"}, {"board", 0}, {"address", address}, {"value", value}});
  }
  while ((ReadTarget(0xE0000E80, 1).front() & kItmBusy) != 0) continue;
  return {0x2B, 'A', 'B', 'C', 'D', 0x2B, 'E', 'F', 'G', 'H'};
}

}  // namespace probegate
