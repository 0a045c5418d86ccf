// One simulated board: a probe, the target on its connector, and what has been set to go wrong between them and their
// user.
//
// It knows no socket and does not wait, so all of it can be driven from a test. Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "sim/cmsis_dap/device.h"
#include "sim/fault_schedule.h"
#include "sim/target/chip.h"

namespace probegate::sim {

// What happens to a reply instead of being sent as it is.
struct ReplyFault {
  enum class Kind : uint8_t {
    kDrop,       // the command has run, its reply is not sent
    kLate,       // sent `delay` later, and so is everything behind it
    kCommand,    // its first byte, which repeats the command, is inverted
    kTruncate,   // cut to its first byte; the header agrees
    kSignature,  // the header's signature is wrong
    kUnplug,     // the board is unplugged in place of the reply
  };
  Kind kind = Kind::kDrop;
  std::chrono::milliseconds delay{0};
};

// What a board calls itself. Serial numbers of a run differ by their index; those of runs with another seed differ in
// the rest.
std::string BoardSerial(unsigned index, uint64_t seed, const std::string& prefix);

class Board {
 public:
  // `contents`: what its flash and UICR hold at first.
  Board(unsigned index, uint64_t seed, const std::string& serial_prefix, const FlashContents& contents = {},
        const ChipSettings& settings = {});

  Chip& chip() { return chip_; }
  Device& device() { return device_; }
  FaultSchedule<ReplyFault>& reply_faults() { return reply_faults_; }

  // For which each reply is held back from when its request arrived, as a USB probe's would be.
  std::chrono::microseconds latency() const { return latency_; }
  void set_latency(std::chrono::microseconds latency) { latency_ = latency; }

 private:
  Chip chip_;
  Device device_;
  FaultSchedule<ReplyFault> reply_faults_;
  std::chrono::microseconds latency_{0};
};

}  // namespace probegate::sim
