#include "sim/cmsis_dap/jtag_commands.h"

#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kSequenceTms = 1u << 6;
constexpr uint8_t kSequenceCapture = 1u << 7;

}  // namespace

bool JtagCommands::Sequence(RequestReader& request, ReplyWriter& reply) {
  const uint8_t count = request.U8();
  RequestReader check = request;
  size_t reply_size = 1;
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = check.U8();
    check.Bytes(BytesFor(SequenceCycles(info)));
    if ((info & kSequenceCapture) != 0) reply_size += BytesFor(SequenceCycles(info));
  }
  if (!check.ok() || reply_size > reply.room()) return false;

  reply.U8(is_jtag() ? kStatusOk : kStatusError);
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = request.U8();
    const bool tms = (info & kSequenceTms) != 0;
    for (unsigned left = SequenceCycles(info); left != 0;) {
      const uint8_t tdi = request.U8();
      uint8_t tdo = 0;
      for (unsigned bit = 0; bit < 8 && left != 0; ++bit, --left) {
        tdo = static_cast<uint8_t>(tdo | pins_.ClockJtag(tms, (tdi >> bit & 1) != 0) << bit);
      }
      if ((info & kSequenceCapture) != 0) reply.U8(tdo);
    }
  }
  return true;
}

bool JtagCommands::Configure(RequestReader& request, ReplyWriter& reply) {
  const uint8_t count = request.U8();
  const std::span<const uint8_t> lengths = request.Bytes(count);
  if (!request.ok()) return false;
  reply.U8(master_.Configure(lengths) ? kStatusOk : kStatusError);
  return true;
}

bool JtagCommands::Idcode(RequestReader& request, ReplyWriter& reply) {
  const uint8_t device = request.U8();
  if (!request.ok()) return false;
  const bool known = is_jtag() && master_.Begin(device);
  reply.U8(known ? kStatusOk : kStatusError);
  reply.U32(known ? master_.ReadIdcode() : 0);
  return true;
}

}  // namespace probegate::sim
