#include "sim/cmsis_dap/swd_commands.h"

#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kSequenceInput = 1u << 7;

}  // namespace

bool SwdCommands::Configure(RequestReader& request, ReplyWriter& reply) {
  const uint8_t configuration = request.U8();
  if (!request.ok()) return false;
  settings_.turnaround = (configuration & 3) + 1u;
  settings_.data_phase = (configuration & 4) != 0;
  reply.U8(kStatusOk);
  return true;
}

bool SwdCommands::Sequence(RequestReader& request, ReplyWriter& reply) {
  const uint8_t count = request.U8();
  RequestReader check = request;
  size_t reply_size = 1;
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = check.U8();
    if ((info & kSequenceInput) != 0) {
      reply_size += BytesFor(SequenceCycles(info));
    } else {
      check.Bytes(BytesFor(SequenceCycles(info)));
    }
  }
  if (!check.ok() || reply_size > reply.room()) return false;

  reply.U8(pins_.port() == ProbePins::Port::kSwd ? kStatusOk : kStatusError);
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = request.U8();
    const unsigned cycles = SequenceCycles(info);
    const bool input = (info & kSequenceInput) != 0;
    uint8_t byte = 0;
    for (unsigned bit = 0; bit < cycles; ++bit) {
      if (!input && bit % 8 == 0) byte = request.U8();
      const bool level = input || (byte >> (bit % 8) & 1) != 0;
      const bool seen = pins_.ClockSwd(!input, level);
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
