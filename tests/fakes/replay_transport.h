// A Transport that plays a recording (docs/hardware.md): the packets of one link, in the order in which they were.
//
// Whoever uses it must send what was sent; each request is then answered by what came. The first that differs is kept,
// and from there on nothing comes any more.
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

// The steps of the first link to `probe` in a recording; of the first of all where that is empty. An error names the
// line that makes no sense.
absl::StatusOr<std::vector<RecordedStep>> ReadRecording(std::istream& file, const std::string& probe);

// `mismatch` outlives the transport; it stays empty as long as all is as recorded.
std::unique_ptr<cmsis_dap::Transport> Replay(std::vector<RecordedStep> steps, std::shared_ptr<std::string> mismatch);

}  // namespace probegate
