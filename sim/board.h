// One simulated board: a probe, the target on its connector, and the faults that have been injected.
//
// It has no sockets and never waits, so a test can drive all of it. Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/cmsis_dap/device.h"
#include "sim/fault_schedule.h"
#include "sim/quirks.h"
#include "sim/target/chip.h"

namespace probegate::sim {

// What happens to a reply instead of being sent as it is.
struct ReplyFault {
  enum class Kind : uint8_t {
    kDrop,       // the command runs, but its reply is not sent
    kLate,       // the reply is sent `delay` later, and so is everything after it
    kCommand,    // the reply's first byte, which repeats the command, is inverted
    kTruncate,   // the reply is cut to its first byte; the header has the matching length
    kSignature,  // the header's signature is wrong
    kUnplug,     // the board is unplugged instead of replying
    kRepeat,     // the reply is sent twice
    kStale,      // the reply is held back until the next packet has been executed, and sent before that one's reply
  };
  Kind kind = Kind::kDrop;
  std::chrono::milliseconds delay{0};
};

// The serial number of a board. Within a run serial numbers differ in the index; between runs with different seeds they
// also differ in the rest.
std::string BoardSerial(unsigned index, uint64_t seed, const std::string& prefix);

class Board {
 public:
  // `contents` is what flash and UICR hold at the start.
  Board(unsigned index, uint64_t seed, const std::string& serial_prefix, const FlashContents& contents = {},
        const ChipSettings& settings = {});

  Chip& chip() { return chip_; }
  Device& device() { return device_; }
  FaultSchedule<ReplyFault>& reply_faults() { return reply_faults_; }
  // Counts a reply and returns what happens to it: what has been injected, or else what a quirk says.
  std::optional<ReplyFault> NextReplyFault();

  // From now on the board has these quirks, and no others. Throws std::invalid_argument, and changes nothing, if one is
  // not valid.
  void SetQuirks(std::span<const QuirkSetting> settings);
  const std::vector<QuirkSetting>& quirks() const { return quirk_settings_; }
  const LinkQuirks& link_quirks() const { return link_.quirks; }

  // How long after the arrival of its request each reply is sent, as if by a USB probe.
  std::chrono::microseconds latency() const { return latency_; }
  void set_latency(std::chrono::microseconds latency) { latency_ = latency; }

 private:
  Chip chip_;
  Device device_;
  FaultSchedule<ReplyFault> reply_faults_;
  std::vector<QuirkSetting> quirk_settings_;
  // The quirks of the link, and the replies that they concern, counted from the start.
  struct {
    LinkQuirks quirks;
    uint64_t stale_reply = 0;
    uint64_t repeated_reply = 0;
  } link_;
  std::chrono::microseconds latency_{0};
};

}  // namespace probegate::sim
