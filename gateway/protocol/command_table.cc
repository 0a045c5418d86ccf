#include "gateway/protocol/command_table.h"

#include <array>

#include "gateway/protocol/command_binding.h"
#include "gateway/protocol/commands.h"

namespace probegate {
namespace {

using namespace commands;  // NOLINT(google-build-using-namespace): the whole table consists of its names

constexpr auto kCommands = std::to_array<Command>({
    MakeCommand<&Hello>("hello"),
    MakeCommand<&ReadProperty>("readprop"),
    MakeCommand<&Open>("open"),
    MakeCommand<&Close>("close"),
    MakeCommand<&Lock>("lock"),
    MakeCommand<&Unlock>("unlock"),
    MakeCommand<&Connect>("connect"),
    MakeCommand<&Disconnect>("disconnect"),
    MakeCommand<&SwjSequence>("swj_sequence"),
    MakeCommand<&SwdSequence>("swd_sequence", &SwdSequenceResult),
    MakeCommand<&JtagSequence>("jtag_sequence", &JtagSequenceResult),
    MakeCommand<&SetClock>("set_clock"),
    MakeCommand<&Reset>("reset"),
    MakeCommand<&AssertReset>("assert_reset"),
    MakeCommand<&IsResetAsserted>("is_reset_asserted", &IsResetAssertedResult),
    MakeCommand<&Flush>("flush"),
    MakeCommand<&ReadDp>("read_dp", &ReadDpResult),
    MakeCommand<&WriteDp>("write_dp"),
    MakeCommand<&ReadAp>("read_ap", &ReadApResult),
    MakeCommand<&WriteAp>("write_ap"),
    MakeCommand<&ReadApMultiple>("read_ap_multiple", &ReadApMultipleResult),
    MakeCommand<&WriteApMultiple>("write_ap_multiple"),
    MakeCommand<&GetMemoryInterface>("get_memory_interface_for_ap", &GetMemoryInterfaceResult),
    MakeCommand<&ReadMem>("read_mem", &ReadMemResult, kInvalidHandle),
    MakeCommand<&WriteMem>("write_mem", nullptr, kInvalidHandle),
    MakeCommand<&ReadBlock32>("read_block32", &ReadBlock32Result, kInvalidHandle),
    MakeCommand<&WriteBlock32>("write_block32", nullptr, kInvalidHandle),
    MakeCommand<&ReadBlock8>("read_block8", &ReadBlock8Result, kInvalidHandle),
    MakeCommand<&WriteBlock8>("write_block8", nullptr, kInvalidHandle),
    MakeCommand<&HasSwo>("has_swo", &HasSwoResult),
    MakeCommand<&SwoStart>("swo_start"),
    MakeCommand<&SwoStop>("swo_stop"),
    MakeCommand<&SwoRead>("swo_read", &SwoReadResult),
});

const Command* FindByName(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

const Command* FindCommand(const Request& request, std::string_view& error) {
  const Command* command = nullptr;
  if (request.name.is_string()) {
    const std::string_view plain = request.name.text.substr(1, request.name.text.size() - 2);
    command =
        plain.find('\\') == std::string_view::npos ? FindByName(plain) : FindByName(DecodeJsonString(request.name));
  }
  if (command == nullptr) {
    error = "unknown request type";
  } else if (request.argument_count != command->argument_count) {
    error = "malformed request; invalid number of arguments";
  }
  return command;
}

}  // namespace probegate
