#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hex.h"
#include "probe/adi/access_attributes.h"
#include "server/commands/commands.h"
#include "server/commands/request_checks.h"

namespace probegate::commands {
namespace {

// A word in a target's memory is little-endian, like all data that a MEM-AP returns.
void AppendWord(std::vector<uint8_t>& bytes, uint32_t word, size_t size = 4) {
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(word >> (8 * i)));
}

adi::AccessAttributes ToAttributes(const v1::AccessAttributes& message) {
  adi::AccessAttributes attributes;
  if (message.has_secure()) attributes.secure = message.secure();
  if (message.has_privileged()) attributes.privileged = message.privileged();
  return attributes;
}

}  // namespace

absl::Status RunGetMemoryInterface(SharedProbe& probe, SessionState& session, const Request& request,
                                   Response& response) {
  const auto& r = request.get_memory_interface_for_ap();
  if (r.ap_version() != 1 && r.ap_version() != 2) {
    return InvalidArgument("invalid AP version in remote get_memory_interface_for_ap request");
  }
  if (r.ap_version() == 1 && r.address() > 255)
    return InvalidArgument(absl::StrCat("APSEL ", r.address(), " is above 255"));
  if (r.ap_version() == 2 && (r.address() % 4096 != 0 || r.address() > UINT32_MAX)) {
    return InvalidArgument(absl::StrCat("AP base address ", Hex(r.address()), " is not a 32-bit multiple of 4096"));
  }
  const auto handle = probe.MemoryInterface(session, r.ap_version(), r.address(), ToAttributes(r.attributes()));
  if (!handle.ok()) return handle.status();
  auto* answer = response.mutable_get_memory_interface_for_ap();
  if (*handle) {
    answer->set_handle(**handle);
    *answer->mutable_attributes() = r.attributes();
  }
  return absl::OkStatus();
}

JobOr MakeReadMem(const Request& request) {
  const auto& r = request.read_mem();
  const auto size = CheckAccess(r.address(), r.transfer_size());
  if (!size.ok()) return size.status();
  return TransferJob::ReadMemory(r.handle(), {adi::SingleAccess(r.address(), *size)});
}

void FinishReadMem(const TransferJob& job, const Request&, Response& response) {
  std::array<uint8_t, 4> bytes{};
  job.CopyBytesTo(absl::MakeSpan(bytes).first(job.steps[0].run.byte_count));
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint32_t{bytes[i]} << (8 * i);
  response.mutable_read_mem()->set_value(value);
}

JobOr MakeWriteMem(const Request& request) {
  const auto& r = request.write_mem();
  const auto size = CheckAccess(r.address(), r.transfer_size());
  if (!size.ok()) return size.status();
  if (r.transfer_size() < 32 && (r.value() >> r.transfer_size()) != 0) {
    return InvalidArgument(absl::StrCat("value ", Hex(r.value()), " has more than ", r.transfer_size(), " bits"));
  }
  std::vector<uint8_t> bytes;
  AppendWord(bytes, r.value(), r.transfer_size() / 8);
  return TransferJob::WriteMemory(r.handle(), {adi::SingleAccess(r.address(), *size)}, bytes);
}

void FinishWriteMem(const TransferJob&, const Request&, Response& response) { response.mutable_write_mem(); }

JobOr MakeReadBlock32(const Request& request) {
  const auto& r = request.read_block32();
  const uint64_t bytes = uint64_t{r.word_count()} * 4;
  if (absl::Status status = CheckBlock(r.address(), bytes, 4); !status.ok()) return status;
  return TransferJob::ReadMemory(r.handle(), adi::SplitBlock(r.address(), bytes));
}

void FinishReadBlock32(const TransferJob& job, const Request&, Response& response) {
  // Aligned runs of words are in DRW as they are in memory.
  response.mutable_read_block32()->mutable_values()->Add(job.words.begin(), job.words.end());
}

JobOr MakeWriteBlock32(const Request& request) {
  const auto& r = request.write_block32();
  const uint64_t size = uint64_t{4} * static_cast<uint64_t>(r.values_size());
  if (absl::Status status = CheckBlock(r.address(), size, 4); !status.ok()) return status;
  std::vector<uint8_t> bytes;
  bytes.reserve(size);
  for (const uint32_t word : r.values()) AppendWord(bytes, word);
  return TransferJob::WriteMemory(r.handle(), adi::SplitBlock(r.address(), size), bytes);
}

void FinishWriteBlock32(const TransferJob&, const Request&, Response& response) { response.mutable_write_block32(); }

JobOr MakeReadBlock8(const Request& request) {
  const auto& r = request.read_block8();
  if (absl::Status status = CheckBlock(r.address(), r.byte_count(), 1); !status.ok()) return status;
  return TransferJob::ReadMemory(r.handle(), adi::SplitBlock(r.address(), r.byte_count()));
}

void FinishReadBlock8(const TransferJob& job, const Request& request, Response& response) {
  std::string& data = *response.mutable_read_block8()->mutable_data();
  data.resize(request.read_block8().byte_count());
  job.CopyBytesTo(absl::MakeSpan(reinterpret_cast<uint8_t*>(data.data()), data.size()));
}

JobOr MakeWriteBlock8(const Request& request) {
  const auto& r = request.write_block8();
  if (absl::Status status = CheckBlock(r.address(), r.data().size(), 1); !status.ok()) return status;
  return TransferJob::WriteMemory(r.handle(), adi::SplitBlock(r.address(), r.data().size()), AsBytes(r.data()));
}

void FinishWriteBlock8(const TransferJob&, const Request&, Response& response) { response.mutable_write_block8(); }

}  // namespace probegate::commands
