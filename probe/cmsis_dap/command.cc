#include "probe/cmsis_dap/command.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kUnknownCommand = 0xFF;

}  // namespace

const char* CommandName(Command command) {
  const CommandRow* row = FindCommand(command);
  return row == nullptr ? "a vendor's command" : row->name;
}

bool Answers(absl::Span<const uint8_t> reply, Command command) {
  return !reply.empty() && reply[0] == static_cast<uint8_t>(command);
}

bool IsUnknownCommand(absl::Span<const uint8_t> reply) { return !reply.empty() && reply[0] == kUnknownCommand; }

std::optional<uint8_t> StatusByte(absl::Span<const uint8_t> reply) {
  if (reply.size() < 2) return std::nullopt;
  return reply[1];
}

}  // namespace probegate::cmsis_dap
