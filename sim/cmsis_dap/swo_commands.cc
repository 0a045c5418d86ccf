#include "sim/cmsis_dap/swo_commands.h"

#include <algorithm>
#include <array>

#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kWantStatus = 1u << 0;
constexpr uint8_t kWantCount = 1u << 1;
constexpr uint8_t kWantIndex = 1u << 2;

constexpr size_t kDataHead = 3;  // status, count

uint8_t StatusByte(bool done) { return done ? kStatusOk : kStatusError; }

}  // namespace

bool SwoCommands::Transport(RequestReader& request, ReplyWriter& reply) {
  const uint8_t transport = request.U8();
  if (!request.ok()) return false;
  reply.U8(StatusByte(capture_.SetTransport(transport)));
  return true;
}

bool SwoCommands::Mode(RequestReader& request, ReplyWriter& reply) {
  const uint8_t mode = request.U8();
  if (!request.ok()) return false;
  reply.U8(StatusByte(capture_.SetMode(mode)));
  return true;
}

bool SwoCommands::Baudrate(RequestReader& request, ReplyWriter& reply) {
  const uint32_t baud = request.U32();
  if (!request.ok()) return false;
  reply.U32(capture_.SetBaud(baud));
  return true;
}

bool SwoCommands::Control(RequestReader& request, ReplyWriter& reply) {
  const uint8_t control = request.U8();
  if (!request.ok()) return false;
  bool done = true;
  if ((control & 1) != 0) {
    done = capture_.Start();
  } else {
    capture_.Stop();
  }
  reply.U8(StatusByte(done));
  return true;
}

bool SwoCommands::Status(RequestReader&, ReplyWriter& reply) {
  reply.U8(capture_.TakeStatus());
  reply.U32(static_cast<uint32_t>(capture_.waiting()));
  return true;
}

bool SwoCommands::ExtendedStatus(RequestReader& request, ReplyWriter& reply) {
  const uint8_t wanted = request.U8();
  if (!request.ok()) return false;
  if ((wanted & kWantStatus) != 0) reply.U8(capture_.TakeStatus());
  if ((wanted & kWantCount) != 0) reply.U32(static_cast<uint32_t>(capture_.waiting()));
  if ((wanted & kWantIndex) != 0) {
    reply.U32(capture_.index());
    reply.U32(timer_());
  }
  return true;
}

bool SwoCommands::Data(RequestReader& request, ReplyWriter& reply) {
  const size_t wanted = request.U16();
  if (!request.ok() || reply.room() < kDataHead) return false;
  std::array<uint8_t, kMaxPacketSize> bytes;
  const uint8_t status = capture_.TakeStatus();
  const size_t count = capture_.ReadData({bytes.data(), std::min(wanted, reply.room() - kDataHead)});
  reply.U8(status);
  reply.U16(static_cast<uint16_t>(count));
  for (size_t i = 0; i < count; ++i) reply.U8(bytes[i]);
  return true;
}

}  // namespace probegate::sim
