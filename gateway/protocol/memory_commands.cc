#include "base/request_limits.h"
#include "gateway/json/json_writer.h"
#include "gateway/protocol/commands.h"

namespace probegate::commands {
namespace {

Step RefuseHandle(Call& call) {
  call.text = kInvalidHandle;
  return Step::kRefuse;
}

}  // namespace

Step GetMemoryInterface(Call& call, Anything<"ap_version"> ap_version, U64<"address"> address) {
  uint32_t version = 0;
  if (ReadArgument(ap_version.value, version) || version < 1 || version > 2) {
    call.text = "invalid AP version in remote get_memory_interface_for_ap request";
    return Step::kRefuse;
  }
  if (!call.context.offer_memory_interface) return Step::kAnswer;
  auto& request = *call.request.mutable_get_memory_interface_for_ap();
  request.set_ap_version(version);
  request.set_address(address.value);
  return Step::kSend;
}
bool GetMemoryInterfaceResult(const v1::StreamResponse& response, std::string& out) {
  if (!response.get_memory_interface_for_ap().has_handle()) return false;
  AppendUnsigned(out, response.get_memory_interface_for_ap().handle());
  return true;
}

Step ReadMem(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"transfer_size"> transfer_size) {
  if (!handle.value.number) return RefuseHandle(call);
  auto& request = *call.request.mutable_read_mem();
  request.set_handle(*handle.value.number);
  request.set_address(address.value);
  request.set_transfer_size(transfer_size.value);
  return Step::kSend;
}
bool ReadMemResult(const v1::StreamResponse& response, std::string& out) {
  AppendUnsigned(out, response.read_mem().value());
  return true;
}

Step WriteMem(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"value"> value,
              U32<"transfer_size"> transfer_size) {
  if (!handle.value.number) return RefuseHandle(call);
  auto& request = *call.request.mutable_write_mem();
  request.set_handle(*handle.value.number);
  request.set_address(address.value);
  request.set_transfer_size(transfer_size.value);
  request.set_value(value.value);
  return Step::kSend;
}

Step ReadBlock32(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"word_count"> word_count) {
  if (!handle.value.number) return RefuseHandle(call);
  if (word_count.value > kMaxBlockWords) return RefuseCount(call, word_count.kName, word_count.value, kMaxBlockWords);
  auto& request = *call.request.mutable_read_block32();
  request.set_handle(*handle.value.number);
  request.set_address(address.value);
  request.set_word_count(word_count.value);
  return Step::kSend;
}
bool ReadBlock32Result(const v1::StreamResponse& response, std::string& out) {
  AppendWords(out, response.read_block32().values());
  return true;
}

Step WriteBlock32(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, Words<"data"> data) {
  if (!handle.value.number) return RefuseHandle(call);
  auto& request = *call.request.mutable_write_block32();
  request.set_handle(*handle.value.number);
  request.set_address(address.value);
  request.mutable_values()->Swap(&data.value);
  return Step::kSend;
}

Step ReadBlock8(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, U32<"byte_count"> byte_count) {
  if (!handle.value.number) return RefuseHandle(call);
  if (byte_count.value > kMaxBlockBytes) return RefuseCount(call, byte_count.kName, byte_count.value, kMaxBlockBytes);
  auto& request = *call.request.mutable_read_block8();
  request.set_handle(*handle.value.number);
  request.set_address(address.value);
  request.set_byte_count(byte_count.value);
  return Step::kSend;
}
bool ReadBlock8Result(const v1::StreamResponse& response, std::string& out) {
  AppendBytes(out, response.read_block8().data());
  return true;
}

Step WriteBlock8(Call& call, MemoryHandle<"handle"> handle, U64<"address"> address, Bytes<"data"> data) {
  if (!handle.value.number) return RefuseHandle(call);
  auto& request = *call.request.mutable_write_block8();
  request.set_handle(*handle.value.number);
  request.set_address(address.value);
  request.set_data(std::move(data.value.bytes));
  return Step::kSend;
}

}  // namespace probegate::commands
