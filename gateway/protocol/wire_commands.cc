#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "gateway/json/big_integer.h"
#include "gateway/json/json_writer.h"
#include "gateway/protocol/commands.h"
#include "gateway/protocol/wire_names.h"

namespace probegate::commands {
namespace {

bool IsSequenceLength(uint32_t bits) { return bits >= 1 && bits <= kMaxSequenceBits; }

Step RefuseSequenceLength(Call& call, std::string_view name, uint32_t length) {
  return RefuseArgument(call, name, absl::StrCat("an integer from 1 to ", kMaxSequenceBits), std::to_string(length));
}

}  // namespace

Step Connect(Call& call, Anything<"protocol"> protocol) {
  const std::string name =
      protocol.value.is_string() ? DecodeJsonString(protocol.value) : std::string(protocol.value.text);
  const auto wire_protocol = protocol.value.is_string() ? WireProtocolByName(name) : std::nullopt;
  if (!wire_protocol) {
    call.text = "invalid protocol name " + Excerpt(name);
    return Step::kRefuse;
  }
  call.request.mutable_connect()->set_protocol(*wire_protocol);
  return Step::kSend;
}

void Disconnect(Call& call) { call.request.mutable_disconnect(); }

Step SwjSequence(Call& call, U32<"length"> length, Bits<"bits"> bits) {
  if (!IsSequenceLength(length.value)) return RefuseSequenceLength(call, length.kName, length.value);
  auto& request = *call.request.mutable_swj_sequence();
  request.set_bit_count(length.value);
  request.set_bits(DecimalToBits(bits.value.digits, length.value));
  return Step::kSend;
}

void SwdSequence(Call& call, Segments<"sequences"> sequences) {
  call.request.mutable_swd_sequence()->mutable_segments()->Swap(&sequences.value);
}

// The first element is DAP_OK (0), a CMSIS-DAP probe's status after a sequence that it ran. If the sequence did not
// run, the reply is an error.
bool SwdSequenceResult(const v1::StreamResponse& response, std::string& out) {
  out += "[0, [";
  bool first = true;
  for (const std::string& captured : response.swd_sequence().captured()) {
    if (!first) out += ", ";
    first = false;
    AppendBytes(out, captured);
  }
  out += "]]";
  return true;
}

Step JtagSequence(Call& call, U32<"cycles"> cycles, Flag<"tms"> tms, Flag<"read_tdo"> read_tdo, Bits<"tdi"> tdi) {
  if (!IsSequenceLength(cycles.value)) return RefuseSequenceLength(call, cycles.kName, cycles.value);
  auto& request = *call.request.mutable_jtag_sequence();
  request.set_cycles(cycles.value);
  request.set_tms(tms.value);
  request.set_read_tdo(read_tdo.value);
  request.set_tdi(DecimalToBits(tdi.value.digits, cycles.value));
  return Step::kSend;
}

bool JtagSequenceResult(const v1::StreamResponse& response, std::string& out) {
  if (!response.jtag_sequence().has_tdo()) return false;
  const std::string& tdo = response.jtag_sequence().tdo();
  AppendBitsAsDecimal(out, tdo, tdo.size() * 8);
  return true;
}

void SetClock(Call& call, Hertz<"frequency"> frequency) {
  call.request.mutable_set_clock()->set_frequency_hz(frequency.value.hz);
}

void Reset(Call& call) { call.request.mutable_reset(); }

void AssertReset(Call& call, Flag<"asserted"> asserted) {
  call.request.mutable_assert_reset()->set_asserted(asserted.value);
}

void IsResetAsserted(Call& call) { call.request.mutable_is_reset_asserted(); }
bool IsResetAssertedResult(const v1::StreamResponse& response, std::string& out) {
  AppendBool(out, response.is_reset_asserted().asserted());
  return true;
}

void Flush(Call& call) { call.request.mutable_flush(); }

}  // namespace probegate::commands
