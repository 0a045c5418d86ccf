// A Transport that plays back a recording (docs/hardware.md): the packets of one link, in their order.
//
// The user must send the recorded requests, and each gets the recorded reply. The first request that differs is noted,
// and from then on nothing is answered.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/transport.h"

namespace probegate {

// What happened on one link, in order.
struct RecordedStep {
  enum class Kind : uint8_t { kOut, kIn, kTrace, kSilence, kError };
  Kind kind;
  std::vector<uint8_t> packet;
};

// The steps of the first link to `probe` in a recording, or of the first link of all if `probe` is empty. An error
// names the invalid line.
absl::StatusOr<std::vector<RecordedStep>> ReadRecording(std::istream& file, const std::string& probe);

// `mismatch` outlives the transport. It stays empty as long as everything matches the recording.
std::unique_ptr<cmsis_dap::Transport> Replay(std::vector<RecordedStep> steps, std::shared_ptr<std::string> mismatch);

}  // namespace probegate
