// DAP_JTAG_Sequence, DAP_JTAG_Configure and DAP_JTAG_IDCODE.
#include "sim/cmsis_dap/device.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kSequenceCycles = 0x3F;
constexpr uint8_t kSequenceTms = 1u << 6;
constexpr uint8_t kSequenceCapture = 1u << 7;

unsigned CyclesOf(uint8_t info) { return (info & kSequenceCycles) == 0 ? 64 : info & kSequenceCycles; }
size_t BytesFor(unsigned bits) { return (bits + 7) / 8; }

}  // namespace

bool Device::JtagSequence(RequestReader& request, ReplyWriter& reply) {
  const uint8_t count = request.U8();
  RequestReader check = request;
  size_t reply_size = 1;
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = check.U8();
    check.Bytes(BytesFor(CyclesOf(info)));
    if ((info & kSequenceCapture) != 0) reply_size += BytesFor(CyclesOf(info));
  }
  if (!check.ok() || reply_size > reply.room()) return false;

  const bool jtag = port_ == Port::kJtag;
  reply.U8(jtag ? kStatusOk : kStatusError);
  for (unsigned i = 0; i < count; ++i) {
    const uint8_t info = request.U8();
    const bool tms = (info & kSequenceTms) != 0;
    for (unsigned left = CyclesOf(info); left != 0;) {
      const uint8_t tdi = request.U8();
      uint8_t tdo = 0;
      for (unsigned bit = 0; bit < 8 && left != 0; ++bit, --left) {
        const bool level = (tdi >> bit & 1) != 0;
        const bool out = !jtag || chip_.pins().ClockJtag(tms, level);
        if (jtag) tdi_ = level;
        tdo = static_cast<uint8_t>(tdo | out << bit);
      }
      if ((info & kSequenceCapture) != 0) reply.U8(tdo);
    }
    if (jtag) swdio_ = tms;
  }
  return true;
}

bool Device::JtagConfigure(RequestReader& request, ReplyWriter& reply) {
  const uint8_t count = request.U8();
  const std::span<const uint8_t> lengths = request.Bytes(count);
  if (!request.ok()) return false;
  reply.U8(transfers_.jtag().Configure(lengths) ? kStatusOk : kStatusError);
  return true;
}

bool Device::JtagIdcode(RequestReader& request, ReplyWriter& reply) {
  const uint8_t device = request.U8();
  if (!request.ok()) return false;
  const bool known = port_ == Port::kJtag && transfers_.jtag().Begin(device);
  reply.U8(known ? kStatusOk : kStatusError);
  reply.U32(known ? transfers_.jtag().ReadIdcode() : 0);
  return true;
}

}  // namespace probegate::sim
