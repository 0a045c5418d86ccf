#include "sim/cmsis_dap/pin_commands.h"

#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kPortDefault = 0;
constexpr uint8_t kPortSwd = 1;
constexpr uint8_t kPortJtag = 2;

constexpr uint8_t kPinSwclk = 1u << 0;
constexpr uint8_t kPinSwdio = 1u << 1;
constexpr uint8_t kPinTdi = 1u << 2;
constexpr uint8_t kPinTdo = 1u << 3;
constexpr uint8_t kPinReset = 1u << 7;

}  // namespace

bool PinCommands::Connect(RequestReader& request, ReplyWriter& reply) {
  const uint8_t requested = request.U8();
  if (!request.ok()) return false;
  ProbePins::Port port = ProbePins::Port::kNone;
  if (requested == kPortDefault || requested == kPortSwd) port = ProbePins::Port::kSwd;
  if (requested == kPortJtag) port = ProbePins::Port::kJtag;
  if (port != ProbePins::Port::kNone) pins_.Connect(port);
  reply.U8(static_cast<uint8_t>(port));
  return true;
}

bool PinCommands::Disconnect(RequestReader&, ReplyWriter& reply) {
  pins_.Disconnect();
  reply.U8(kStatusOk);
  return true;
}

// Simulated pins settle at once, so the time that the host allows for that is not used.
bool PinCommands::Pins(RequestReader& request, ReplyWriter& reply) {
  const uint8_t output = request.U8();
  const uint8_t select = request.U8();
  request.U32();
  if (!request.ok()) return false;
  if ((select & kPinSwdio) != 0) pins_.DriveSwdio((output & kPinSwdio) != 0);
  if ((select & kPinTdi) != 0) pins_.DriveTdi((output & kPinTdi) != 0);
  if ((select & kPinSwclk) != 0) pins_.DriveSwclk((output & kPinSwclk) != 0);
  if ((select & kPinReset) != 0) pins_.DriveReset((output & kPinReset) == 0);
  reply.U8(static_cast<uint8_t>((pins_.swclk() ? kPinSwclk : 0) | (pins_.swdio() ? kPinSwdio : 0) |
                                (pins_.tdi() ? kPinTdi : 0) | (pins_.tdo() ? kPinTdo : 0) |
                                (pins_.reset_asserted() ? 0 : kPinReset)));
  return true;
}

bool PinCommands::Clock(RequestReader& request, ReplyWriter& reply) {
  const uint32_t hertz = request.U32();
  if (!request.ok()) return false;
  if (hertz != 0) pins_.set_clock_hz(hertz);
  reply.U8(hertz != 0 ? kStatusOk : kStatusError);
  return true;
}

bool PinCommands::Sequence(RequestReader& request, ReplyWriter& reply) {
  const uint8_t encoded = request.U8();
  const unsigned bits = encoded == 0 ? 256 : encoded;
  const std::span<const uint8_t> data = request.Bytes(BytesFor(bits));
  if (!request.ok()) return false;
  for (unsigned bit = 0; bit < bits; ++bit) pins_.ClockSwj((data[bit / 8] >> (bit % 8) & 1) != 0);
  reply.U8(pins_.connected() ? kStatusOk : kStatusError);
  return true;
}

}  // namespace probegate::sim
