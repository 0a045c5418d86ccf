// What the firmware of some probes does with commands, in place of what Arm's specification says.
//
// The device asks before and after each command, so that neither it nor the handlers know any quirk. Without quirks
// every command passes unchanged.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {

// The name that Arm's documentation gives a command, without "DAP_", and how the command reports a failure.
struct CommandName {
  Command command;
  std::string_view name;
  std::optional<uint8_t> failure;  // the byte after the command's; nothing: it has no status
};

// By its name, in any case and with or without "DAP_", or by its number in hexadecimal ("0x13"). Null if there is none.
const CommandName* FindCommand(std::string_view text);

class CommandQuirks {
 public:
  enum class Verdict : uint8_t {
    kPass,      // the command's own handler answers
    kAnswered,  // the rest of the reply has been written, and the command does nothing
    kUnknown,   // the firmware does not know the command
  };

  struct Clocks {
    uint32_t lowest = 0;  // Hz
    uint32_t highest = UINT32_MAX;
  };

  std::optional<bool> reset_reads;  // the level that DAP_SWJ_Pins reports for nRESET
  bool reset_driven = true;         // whether the probe can move nRESET
  Clocks clocks;                    // DAP_SWJ_Clock fails for others
  std::set<Command> unknown;
  std::set<Command> failing;                     // each is one whose CommandName has a failure
  std::map<uint8_t, std::vector<uint8_t>> info;  // the value of a DAP_Info ID
  std::set<uint8_t> unknown_info;                // DAP_Info IDs to which the answer is 0xFF
  size_t packet_size = kMaxPacketSize;           // longer requests are unknown, and longer replies do not fit

  // To be called after the byte that names the command. Consumes what belongs to the command unless it passes.
  Verdict Judge(Command command, RequestReader& request, ReplyWriter& reply) const;

  // Changes the reply of a command that has been carried out. `head` is where the reply begins in the packet.
  void Amend(Command command, size_t head, ReplyWriter& reply) const;

 private:
  Verdict JudgeInfo(RequestReader& request, ReplyWriter& reply) const;
  bool RefusesClock(Command command, RequestReader request) const;
};

}  // namespace probegate::sim
