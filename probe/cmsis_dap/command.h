// The commands of CMSIS-DAP that this driver knows (Arm, CMSIS-DAP 2.1): a table with one row per command, and what the
// type of a command must have.
//
// A command is a struct that has the fields of its request as members, and
//
//   static constexpr Command kCommand;
//   size_t Encode(absl::Span<uint8_t> packet) const;  writes the request; its size, 0 if it does not fit
//   std::string Argument() const;                     of a needed command, for messages; without arguments, none
//   using Reply;                                      what the reply says
//   std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
//
// Decode takes a whole reply whose first byte names the command, and returns nothing if the bytes cannot be a reply to
// this request. Replies cannot be trusted: no Decode reads beyond the end of one. A Reply may refer to the bytes that
// it was decoded from. A command whose Reply is Done needs no Decode, and one that is never answered has neither. A
// command whose request is put together step by step has bytes() instead of Encode.
//
// A device may refuse a command: by a status other than OK, or because it does not know it. Without some commands the
// driver cannot do what it was asked to do (needed commands: Channel::Ask and Order report the refusal as an error);
// without others it goes on (optional commands: Channel::Offer). The table says which are which.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>

#include "absl/types/span.h"

namespace probegate::cmsis_dap {

enum class Command : uint8_t {
  kInfo = 0x00,
  kHostStatus = 0x01,
  kConnect = 0x02,
  kDisconnect = 0x03,
  kTransferConfigure = 0x04,
  kTransfer = 0x05,
  kTransferBlock = 0x06,
  kTransferAbort = 0x07,
  kWriteAbort = 0x08,
  kDelay = 0x09,
  kResetTarget = 0x0A,
  kSwjPins = 0x10,
  kSwjClock = 0x11,
  kSwjSequence = 0x12,
  kSwdConfigure = 0x13,
  kJtagSequence = 0x14,
  kJtagConfigure = 0x15,
  kSwoTransport = 0x17,
  kSwoMode = 0x18,
  kSwoBaudrate = 0x19,
  kSwoControl = 0x1A,
  kSwoStatus = 0x1B,
  kSwoData = 0x1C,
  kSwdSequence = 0x1D,
};

// What follows the command's number in a reply.
enum class ReplyForm : uint8_t {
  kNone,    // there is no reply
  kStatus,  // a status byte first; a status other than OK is an error
  kOwn,     // what Decode reads; a refusal, if there can be one, is part of the Reply
};

struct CommandRow {
  Command command;
  const char* name;  // in Arm's document
  ReplyForm reply;
  // What happens instead if the device refuses it; null if the command is needed.
  const char* without = nullptr;
};

inline constexpr CommandRow kCommands[] = {
    {Command::kInfo, "DAP_Info", ReplyForm::kOwn},
    {Command::kHostStatus, "DAP_HostStatus", ReplyForm::kStatus, "its LED does not show that a debugger is connected"},
    {Command::kConnect, "DAP_Connect", ReplyForm::kOwn},
    {Command::kDisconnect, "DAP_Disconnect", ReplyForm::kStatus, "it may go on driving its pins"},
    {Command::kTransferConfigure, "DAP_TransferConfigure", ReplyForm::kStatus,
     "its own idle cycles and its own limit on WAIT responses apply"},
    {Command::kTransfer, "DAP_Transfer", ReplyForm::kOwn},
    {Command::kTransferBlock, "DAP_TransferBlock", ReplyForm::kOwn},
    {Command::kTransferAbort, "DAP_TransferAbort", ReplyForm::kNone},
    {Command::kWriteAbort, "DAP_WriteABORT", ReplyForm::kStatus},
    {Command::kDelay, "DAP_Delay", ReplyForm::kStatus, "the server times the reset pulse"},
    {Command::kResetTarget, "DAP_ResetTarget", ReplyForm::kStatus, "a reset is a pulse on nRESET"},
    {Command::kSwjPins, "DAP_SWJ_Pins", ReplyForm::kOwn},
    {Command::kSwjClock, "DAP_SWJ_Clock", ReplyForm::kStatus},
    {Command::kSwjSequence, "DAP_SWJ_Sequence", ReplyForm::kStatus},
    {Command::kSwdConfigure, "DAP_SWD_Configure", ReplyForm::kStatus,
     "it is assumed to use one clock of turnaround, and no data phase after WAIT and FAULT"},
    {Command::kSwdSequence, "DAP_SWD_Sequence", ReplyForm::kStatus},
    {Command::kJtagSequence, "DAP_JTAG_Sequence", ReplyForm::kStatus},
    {Command::kJtagConfigure, "DAP_JTAG_Configure", ReplyForm::kStatus},
    {Command::kSwoTransport, "DAP_SWO_Transport", ReplyForm::kStatus},
    {Command::kSwoMode, "DAP_SWO_Mode", ReplyForm::kStatus},
    {Command::kSwoBaudrate, "DAP_SWO_Baudrate", ReplyForm::kOwn},
    {Command::kSwoControl, "DAP_SWO_Control", ReplyForm::kStatus},
    {Command::kSwoStatus, "DAP_SWO_Status", ReplyForm::kOwn, "lost SWO bytes go unnoticed"},
    {Command::kSwoData, "DAP_SWO_Data", ReplyForm::kOwn},
};

// The command's row; null for a command that this driver does not know.
constexpr const CommandRow* FindCommand(Command command) {
  const auto* row = std::find_if(std::begin(kCommands), std::end(kCommands),
                                 [command](const CommandRow& candidate) { return candidate.command == command; });
  return row == std::end(kCommands) ? nullptr : row;
}

// The command's name, for messages.
const char* CommandName(Command command);

// The command's name with its argument, for messages: "DAP_SWJ_Clock 2000000".
template <typename Value>
std::string Named(const Value& command) {
  std::string name = CommandName(Value::kCommand);
  if constexpr (requires { command.Argument(); }) name += " " + command.Argument();
  return name;
}

// The Reply of a command that is answered by its status alone.
struct Done {};

// The most transfers, or stretches of a sequence, in one command: their count is a byte.
inline constexpr size_t kMaxItems = UINT8_MAX;

// Whether `reply` answers `command`. A device that does not know the command answers 0xFF instead.
bool Answers(absl::Span<const uint8_t> reply, Command command);
bool IsUnknownCommand(absl::Span<const uint8_t> reply);

// The status byte of a reply; nothing if the reply has none.
inline constexpr uint8_t kStatusOk = 0;
std::optional<uint8_t> StatusByte(absl::Span<const uint8_t> reply);

}  // namespace probegate::cmsis_dap
