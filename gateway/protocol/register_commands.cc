#include "base/request_limits.h"
#include "gateway/json/json_writer.h"
#include "gateway/protocol/commands.h"

namespace probegate::commands {

namespace {

// Whether a write to this DP register is just one transfer. A write to CTRL/STAT may have to wait for power, and the
// target does not acknowledge a write to TARGETSEL.
bool IsPlainDpWrite(uint32_t address) { return address == 0x0 || address == 0x8; }  // ABORT, SELECT

// The server refuses other addresses, and the client should get that error at once.
bool IsApAddress(uint64_t address) { return address % 4 == 0 && address <= UINT32_MAX; }

}  // namespace

void ReadDp(Call& call, U32<"address"> address) { call.request.mutable_read_dp()->set_address(address.value); }
bool ReadDpResult(const v1::StreamResponse& response, std::string& out) {
  AppendUnsigned(out, response.read_dp().value());
  return true;
}

void WriteDp(Call& call, U32<"address"> address, U32<"value"> value) {
  call.may_post = IsPlainDpWrite(address.value);
  auto& request = *call.request.mutable_write_dp();
  request.set_address(address.value);
  request.set_value(value.value);
}

void ReadAp(Call& call, U64<"address"> address) { call.request.mutable_read_ap()->set_address(address.value); }
bool ReadApResult(const v1::StreamResponse& response, std::string& out) {
  AppendUnsigned(out, response.read_ap().value());
  return true;
}

void WriteAp(Call& call, U64<"address"> address, U32<"value"> value) {
  call.may_post = IsApAddress(address.value);
  auto& request = *call.request.mutable_write_ap();
  request.set_address(address.value);
  request.set_value(value.value);
}

Step ReadApMultiple(Call& call, U64<"address"> address, U32<"count"> count) {
  if (count.value > kMaxBlockWords) return RefuseCount(call, count.kName, count.value, kMaxBlockWords);
  auto& request = *call.request.mutable_read_ap_multiple();
  request.set_address(address.value);
  request.set_count(count.value);
  return Step::kSend;
}
bool ReadApMultipleResult(const v1::StreamResponse& response, std::string& out) {
  AppendWords(out, response.read_ap_multiple().values());
  return true;
}

void WriteApMultiple(Call& call, U64<"address"> address, Words<"values"> values) {
  call.may_post = IsApAddress(address.value);
  auto& request = *call.request.mutable_write_ap_multiple();
  request.set_address(address.value);
  request.mutable_values()->Swap(&values.value);
}

}  // namespace probegate::commands
