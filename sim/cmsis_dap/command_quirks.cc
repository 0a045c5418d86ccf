#include "sim/cmsis_dap/command_quirks.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <system_error>

namespace probegate::sim {
namespace {

constexpr uint8_t kPinReset = 1u << 7;
constexpr std::string_view kPrefix = "DAP_";
constexpr std::string_view kHexPrefix = "0x";

constexpr CommandName kCommandNames[] = {
    {Command::kInfo, "Info", {}},
    {Command::kHostStatus, "HostStatus", kStatusError},
    {Command::kConnect, "Connect", 0},
    {Command::kDisconnect, "Disconnect", kStatusError},
    {Command::kTransferConfigure, "TransferConfigure", kStatusError},
    {Command::kTransfer, "Transfer", {}},
    {Command::kTransferBlock, "TransferBlock", {}},
    {Command::kWriteAbort, "WriteABORT", kStatusError},
    {Command::kDelay, "Delay", kStatusError},
    {Command::kResetTarget, "ResetTarget", kStatusError},
    {Command::kSwjPins, "SWJ_Pins", {}},
    {Command::kSwjClock, "SWJ_Clock", kStatusError},
    {Command::kSwjSequence, "SWJ_Sequence", kStatusError},
    {Command::kSwdConfigure, "SWD_Configure", kStatusError},
    {Command::kSwdSequence, "SWD_Sequence", kStatusError},
    {Command::kJtagSequence, "JTAG_Sequence", kStatusError},
    {Command::kJtagConfigure, "JTAG_Configure", kStatusError},
    {Command::kJtagIdcode, "JTAG_IDCODE", {}},
    {Command::kSwoTransport, "SWO_Transport", kStatusError},
    {Command::kSwoMode, "SWO_Mode", kStatusError},
    {Command::kSwoBaudrate, "SWO_Baudrate", {}},
    {Command::kSwoControl, "SWO_Control", kStatusError},
    {Command::kSwoStatus, "SWO_Status", {}},
    {Command::kSwoExtendedStatus, "SWO_ExtendedStatus", {}},
    {Command::kSwoData, "SWO_Data", {}},
};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameWord(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::optional<Command> CommandByNumber(std::string_view text) {
  if (!text.starts_with(kHexPrefix)) return std::nullopt;
  uint8_t number = 0;
  const std::string_view digits = text.substr(kHexPrefix.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return static_cast<Command>(number);
}

}  // namespace

const CommandName* FindCommand(std::string_view text) {
  const std::optional<Command> number = CommandByNumber(text);
  if (SameWord(text.substr(0, kPrefix.size()), kPrefix)) text.remove_prefix(kPrefix.size());
  for (const CommandName& row : kCommandNames) {
    if (number ? row.command == *number : SameWord(row.name, text)) return &row;
  }
  return nullptr;
}

CommandQuirks::Verdict CommandQuirks::Judge(Command command, RequestReader& request, ReplyWriter& reply) const {
  if (unknown.contains(command)) return Verdict::kUnknown;
  if (command == Command::kInfo) return JudgeInfo(request, reply);
  const auto name = std::find_if(std::begin(kCommandNames), std::end(kCommandNames),
                                 [command](const CommandName& row) { return row.command == command; });
  const bool fails = failing.contains(command) || RefusesClock(command, request);
  if (!fails || name == std::end(kCommandNames) || !name->failure) return Verdict::kPass;
  // Where the arguments end is the handler's knowledge, so a list of commands ends with one that fails.
  request.Bytes(request.left());
  reply.U8(*name->failure);
  return Verdict::kAnswered;
}

CommandQuirks::Verdict CommandQuirks::JudgeInfo(RequestReader& request, ReplyWriter& reply) const {
  RequestReader arguments = request;
  const uint8_t id = arguments.U8();
  if (!arguments.ok()) return Verdict::kPass;
  if (unknown_info.contains(id)) return Verdict::kUnknown;
  const auto value = info.find(id);
  if (value == info.end()) return Verdict::kPass;
  request = arguments;
  reply.U8(static_cast<uint8_t>(value->second.size()));
  for (const uint8_t byte : value->second) reply.U8(byte);
  return Verdict::kAnswered;
}

bool CommandQuirks::RefusesClock(Command command, RequestReader request) const {
  if (command != Command::kSwjClock) return false;
  const uint32_t hertz = request.U32();
  return request.ok() && (hertz < clocks.lowest || hertz > clocks.highest);
}

void CommandQuirks::Amend(Command command, size_t head, ReplyWriter& reply) const {
  if (command != Command::kSwjPins || !reset_reads) return;
  const uint8_t pins = reply.At(head + 1);
  reply.Patch(head + 1, static_cast<uint8_t>(*reset_reads ? pins | kPinReset : pins & ~kPinReset));
}

}  // namespace probegate::sim
