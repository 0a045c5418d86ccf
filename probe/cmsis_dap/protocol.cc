#include "probe/cmsis_dap/protocol.h"

#include <algorithm>

#include "probe/cmsis_dap/packet_writer.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kUnknownCommand = 0xFF;
constexpr uint8_t kStatusOk = 0;
constexpr uint8_t kPortSwd = 1;
constexpr uint8_t kPortJtag = 2;
constexpr uint8_t kDapIndex = 0;  // of the devices in a JTAG chain; SWD ignores it
constexpr size_t kMaxSwdSegments = 255;
constexpr uint8_t kSwdCapture = 1u << 7;
constexpr uint32_t kMaxSwdCycles = 64;

struct CommandRow {
  Command command;
  const char* name;
};
constexpr CommandRow kCommands[] = {
    {Command::kInfo, "DAP_Info"},
    {Command::kHostStatus, "DAP_HostStatus"},
    {Command::kConnect, "DAP_Connect"},
    {Command::kDisconnect, "DAP_Disconnect"},
    {Command::kTransferConfigure, "DAP_TransferConfigure"},
    {Command::kTransfer, "DAP_Transfer"},
    {Command::kTransferBlock, "DAP_TransferBlock"},
    {Command::kTransferAbort, "DAP_TransferAbort"},
    {Command::kWriteAbort, "DAP_WriteABORT"},
    {Command::kDelay, "DAP_Delay"},
    {Command::kResetTarget, "DAP_ResetTarget"},
    {Command::kSwjPins, "DAP_SWJ_Pins"},
    {Command::kSwjClock, "DAP_SWJ_Clock"},
    {Command::kSwjSequence, "DAP_SWJ_Sequence"},
    {Command::kSwdConfigure, "DAP_SWD_Configure"},
    {Command::kSwdSequence, "DAP_SWD_Sequence"},
    {Command::kJtagSequence, "DAP_JTAG_Sequence"},
    {Command::kJtagConfigure, "DAP_JTAG_Configure"},
    {Command::kSwoTransport, "DAP_SWO_Transport"},
    {Command::kSwoMode, "DAP_SWO_Mode"},
    {Command::kSwoBaudrate, "DAP_SWO_Baudrate"},
    {Command::kSwoControl, "DAP_SWO_Control"},
    {Command::kSwoStatus, "DAP_SWO_Status"},
    {Command::kSwoData, "DAP_SWO_Data"},
};

PacketWriter Begin(absl::Span<uint8_t> packet, Command command) {
  return PacketWriter(packet).U8(static_cast<uint8_t>(command));
}

size_t ByteCount(size_t bits) { return (bits + 7) / 8; }

}  // namespace

const char* CommandName(Command command) {
  const auto* row = std::find_if(std::begin(kCommands), std::end(kCommands),
                                 [command](const CommandRow& r) { return r.command == command; });
  return row == std::end(kCommands) ? "a vendor's command" : row->name;
}

bool Answers(absl::Span<const uint8_t> reply, Command command) {
  return !reply.empty() && reply[0] == static_cast<uint8_t>(command);
}

bool IsUnknownCommand(absl::Span<const uint8_t> reply) { return !reply.empty() && reply[0] == kUnknownCommand; }

std::optional<bool> DecodeStatus(absl::Span<const uint8_t> reply) {
  if (reply.size() < 2) return std::nullopt;
  return reply[1] == kStatusOk;
}

size_t Encode(const Info& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kInfo).U8(static_cast<uint8_t>(command.id)).size();
}

std::optional<absl::Span<const uint8_t>> DecodeInfo(absl::Span<const uint8_t> reply) {
  if (reply.size() < 2 || reply.size() - 2 < reply[1]) return std::nullopt;
  return reply.subspan(2, reply[1]);
}

std::string InfoText(absl::Span<const uint8_t> info) {
  return {info.begin(), std::find(info.begin(), info.end(), uint8_t{0})};
}

std::optional<unsigned> InfoNumber(absl::Span<const uint8_t> info) {
  if (info.size() == 1) return info[0];
  if (info.size() == 2) return info[0] | unsigned{info[1]} << 8;
  return std::nullopt;
}

size_t Encode(const HostConnected& command, absl::Span<uint8_t> packet) {
  constexpr uint8_t kConnectLed = 0;
  return Begin(packet, Command::kHostStatus).U8(kConnectLed).U8(command.connected ? 1 : 0).size();
}

size_t Encode(const Connect& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kConnect).U8(command.jtag ? kPortJtag : kPortSwd).size();
}

std::optional<bool> DecodeConnect(const Connect& command, absl::Span<const uint8_t> reply) {
  if (reply.size() < 2) return std::nullopt;
  return reply[1] == (command.jtag ? kPortJtag : kPortSwd);
}

size_t Encode(const Disconnect& /*command*/, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kDisconnect).size();
}

size_t Encode(const TransferConfigure& command, absl::Span<uint8_t> packet) {
  constexpr uint16_t kMatchRetries = 0;
  return Begin(packet, Command::kTransferConfigure)
      .U8(command.idle_cycles)
      .U16(command.wait_retries)
      .U16(kMatchRetries)
      .size();
}

size_t Encode(const TransferAbort& /*command*/, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kTransferAbort).size();
}

size_t Encode(const WriteAbort& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kWriteAbort).U8(kDapIndex).U32(command.value).size();
}

size_t Encode(const Delay& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kDelay).U16(command.microseconds).size();
}

size_t Encode(const ResetTarget& /*command*/, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kResetTarget).size();
}

std::optional<bool> DecodeResetTarget(absl::Span<const uint8_t> reply) {
  if (reply.size() < 3) return std::nullopt;
  return reply[1] == kStatusOk && (reply[2] & 1) != 0;
}

size_t Encode(const SwjPins& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwjPins).U8(command.output).U8(command.select).U32(command.wait_microseconds).size();
}

std::optional<uint8_t> DecodeSwjPins(absl::Span<const uint8_t> reply) {
  if (reply.size() < 2) return std::nullopt;
  return reply[1];
}

size_t Encode(const SwjClock& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwjClock).U32(command.hertz).size();
}

size_t Encode(const SwjSequence& command, absl::Span<uint8_t> packet) {
  if (command.bit_count == 0 || command.bit_count > kMaxSwjBits) return 0;
  return Begin(packet, Command::kSwjSequence)
      .U8(command.bit_count % kMaxSwjBits)
      .Bytes(command.bits.first(ByteCount(command.bit_count)))
      .size();
}

size_t Encode(const SwdConfigure& /*command*/, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwdConfigure).U8(0).size();
}

size_t FitSwdSegments(absl::Span<const SwdSegment> segments, size_t packet_size) {
  size_t request = 2;
  size_t reply = 2;
  size_t count = 0;
  for (const SwdSegment& segment : segments) {
    const size_t bytes = ByteCount(segment.cycles);
    request += 1 + (segment.output.empty() ? 0 : bytes);
    reply += segment.output.empty() ? bytes : 0;
    if (request > packet_size || reply > packet_size || count == kMaxSwdSegments) break;
    ++count;
  }
  return count;
}

size_t Encode(const SwdSequence& command, absl::Span<uint8_t> packet) {
  PacketWriter writer = Begin(packet, Command::kSwdSequence).U8(static_cast<unsigned>(command.segments.size()));
  for (const SwdSegment& segment : command.segments) {
    const unsigned cycles = segment.cycles % kMaxSwdCycles;
    if (segment.output.empty()) {
      writer.U8(cycles | kSwdCapture);
    } else {
      writer.U8(cycles).Bytes(absl::MakeConstSpan(segment.output).first(ByteCount(segment.cycles)));
    }
  }
  return writer.size();
}

std::optional<std::vector<std::vector<uint8_t>>> DecodeSwdSequence(const SwdSequence& command,
                                                                   absl::Span<const uint8_t> reply) {
  if (reply.size() < 2 || reply[1] != kStatusOk) return std::nullopt;
  reply.remove_prefix(2);
  std::vector<std::vector<uint8_t>> captured;
  for (const SwdSegment& segment : command.segments) {
    if (!segment.output.empty()) continue;
    const size_t bytes = ByteCount(segment.cycles);
    if (reply.size() < bytes) return std::nullopt;
    captured.emplace_back(reply.begin(), reply.begin() + bytes);
    reply.remove_prefix(bytes);
  }
  return captured;
}

}  // namespace probegate::cmsis_dap
