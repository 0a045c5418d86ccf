// The rate of SWCLK and TCK, and what depends on it: how often the device repeats a transfer that answers WAIT, and how
// long transfers may take.
//
// Some devices refuse a rate that is out of their range instead of taking the nearest one. Then the usual rates below
// it are tried. A device that refuses these, too, keeps its own rate.
//
// Threads: the channel's. Errors: those of Channel.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/transfers.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

class WireClock {
 public:
  // Both must outlive this. `default_hertz` is for as long as no other rate has been set, `max_hertz` is set instead of
  // any rate above it, and `wait_bound` is how long a target may answer WAIT to one transfer.
  WireClock(Channel& channel, Transfers& transfers, uint32_t default_hertz, uint32_t max_hertz,
            std::chrono::milliseconds wait_bound)
      : channel_(channel), transfers_(transfers), default_(default_hertz), max_(max_hertz), wait_bound_(wait_bound) {}

  // As Probe::SetClock, for a rate other than 0. Sends nothing if the device has been told already.
  absl::StatusOr<uint32_t> Set(std::optional<uint32_t> hertz);

  // Tells the device again, after its port was connected. Fails only if it does not answer.
  absl::Status Restore();

  // The rate, or a low one if the device runs at its own.
  uint32_t hertz() const;
  // How many clocks take kLongestPacket.
  uint64_t ClocksPerPacket() const { return uint64_t{hertz()} * static_cast<uint64_t>(kLongestPacket.count()) / 1000; }

 private:
  struct Choice;
  absl::StatusOr<Choice> Choose(uint32_t hertz);
  absl::Status Run(const Choice& choice);
  absl::Status Keep(const std::string& refusal);

  Channel& channel_;
  Transfers& transfers_;
  const uint32_t default_;
  const uint32_t max_;
  const std::chrono::milliseconds wait_bound_;
  bool told_ = false;              // the device has been told what the next two say
  std::optional<uint32_t> asked_;  // what was set
  uint32_t runs_ = 0;              // what it became; 0: the device's own
};

}  // namespace probegate::cmsis_dap
