// The commands that move pins rather than registers: DAP_SWJ_Pins, DAP_SWJ_Clock, DAP_SWJ_Sequence, DAP_SWD_Configure
// and DAP_SWD_Sequence.
#include "sim/cmsis_dap/device.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kPinSwclk = 1u << 0;
constexpr uint8_t kPinSwdio = 1u << 1;
constexpr uint8_t kPinTdi = 1u << 2;
constexpr uint8_t kPinTdo = 1u << 3;
constexpr uint8_t kPinReset = 1u << 7;

constexpr uint8_t kSequenceCycles = 0x3F;
constexpr uint8_t kSequenceInput = 1u << 7;

size_t BytesFor(unsigned bits) { return (bits + 7) / 8; }

}  // namespace

// A cycle of the clock with SWDIO/TMS driven, and TDI as it was last.
void Device::ClockPins(bool level) {
  swdio_ = level;
  if (port_ == Port::kJtag) {
    chip_.pins().ClockJtag(level, tdi_);
  } else if (port_ == Port::kSwd) {
    chip_.pins().Clock(true, level);
  }
}

// Pins settle at once here, so the time that a host grants for that is never used.
bool Device::SwjPins(RequestReader& request, ReplyWriter& reply) {
  const uint8_t output = request.U8();
  const uint8_t select = request.U8();
  request.U32();
  if (!request.ok()) return false;
  if ((select & kPinSwdio) != 0) swdio_ = (output & kPinSwdio) != 0;
  if ((select & kPinTdi) != 0) tdi_ = (output & kPinTdi) != 0;
  if ((select & kPinSwclk) != 0) {
    const bool level = (output & kPinSwclk) != 0;
    if (level && !swclk_) ClockPins(swdio_);
    swclk_ = level;
  }
  if ((select & kPinReset) != 0) DriveReset((output & kPinReset) == 0);
  const bool tdo = port_ != Port::kJtag || chip_.pins().tdo();
  reply.U8(static_cast<uint8_t>((swclk_ ? kPinSwclk : 0) | (swdio_ ? kPinSwdio : 0) | (tdi_ ? kPinTdi : 0) |
                                (tdo ? kPinTdo : 0) | (reset_asserted_ ? 0 : kPinReset)));
  return true;
}

bool Device::SwjClock(RequestReader& request, ReplyWriter& reply) {
  const uint32_t hertz = request.U32();
  if (!request.ok()) return false;
  if (hertz != 0) clock_hz_ = hertz;
  reply.U8(hertz != 0 ? kStatusOk : kStatusError);
  return true;
}

bool Device::SwjSequence(RequestReader& request, ReplyWriter& reply) {
  const uint8_t encoded = request.U8();
  const unsigned bits = encoded == 0 ? 256 : encoded;
  const std::span<const uint8_t> data = request.Bytes(BytesFor(bits));
  if (!request.ok()) return false;
  for (unsigned bit = 0; bit < bits; ++bit) ClockPins((data[bit / 8] >> (bit % 8) & 1) != 0);
  reply.U8(connected() ? kStatusOk : kStatusError);
  return true;
}

bool Device::SwdConfigure(RequestReader& request, ReplyWriter& reply) {
  const uint8_t configuration = request.U8();
  if (!request.ok()) return false;
  transfers_.swd_settings().turnaround = (configuration & 3) + 1u;
  transfers_.swd_settings().data_phase = (configuration & 4) != 0;
  reply.U8(kStatusOk);
  return true;
}

bool Device::SwdSequence(RequestReader& request, ReplyWriter& reply) {
  const uint8_t count = request.U8();
  RequestReader check = request;
  size_t reply_size = 1;
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = check.U8();
    const unsigned cycles = (info & kSequenceCycles) == 0 ? 64 : info & kSequenceCycles;
    if ((info & kSequenceInput) != 0) {
      reply_size += BytesFor(cycles);
    } else {
      check.Bytes(BytesFor(cycles));
    }
  }
  if (!check.ok() || reply_size > reply.room()) return false;

  const bool swd = port_ == Port::kSwd;
  reply.U8(swd ? kStatusOk : kStatusError);
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = request.U8();
    const unsigned cycles = (info & kSequenceCycles) == 0 ? 64 : info & kSequenceCycles;
    const bool input = (info & kSequenceInput) != 0;
    uint8_t byte = 0;
    for (unsigned bit = 0; bit < cycles; ++bit) {
      if (!input && bit % 8 == 0) byte = request.U8();
      const bool level = input || (byte >> (bit % 8) & 1) != 0;
      const bool seen = swd ? chip_.pins().Clock(!input, level) : true;
      if (!input) continue;
      byte = static_cast<uint8_t>(byte | seen << (bit % 8));
      if (bit % 8 == 7 || bit + 1 == cycles) {
        reply.U8(byte);
        byte = 0;
      }
    }
  }
  return true;
}

}  // namespace probegate::sim
