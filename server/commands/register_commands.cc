#include "server/commands/commands.h"
#include "server/commands/request_checks.h"

namespace probegate::commands {

using Target = TransferStep::Target;

JobOr MakeReadDp(const Request& request) {
  const auto& r = request.read_dp();
  if (absl::Status status = CheckDpAddress(r.address()); !status.ok()) return status;
  return TransferJob::ReadRegister(Target::kDp, r.address(), 1);
}

void FinishReadDp(const TransferJob& job, const Request&, Response& response) {
  response.mutable_read_dp()->set_value(job.words[0]);
}

JobOr MakeWriteDp(const Request& request) {
  const auto& r = request.write_dp();
  if (absl::Status status = CheckDpAddress(r.address()); !status.ok()) return status;
  // Power requests, SELECT1 and TARGETSEL need more than a transfer.
  if (r.address() == adi::kDpCtrlStat || r.address() == adi::kDpTargetSel) return std::nullopt;
  return TransferJob::WriteRegister(Target::kDp, r.address(), {r.value()});
}

void FinishWriteDp(const TransferJob&, const Request&, Response& response) { response.mutable_write_dp(); }

absl::Status RunWriteDp(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  response.mutable_write_dp();
  return probe.WriteDp(session, static_cast<uint8_t>(request.write_dp().address()), request.write_dp().value());
}

JobOr MakeReadAp(const Request& request) {
  const auto& r = request.read_ap();
  if (absl::Status status = CheckApAddress(r.address()); !status.ok()) return status;
  return TransferJob::ReadRegister(Target::kAp, r.address(), 1);
}

void FinishReadAp(const TransferJob& job, const Request&, Response& response) {
  response.mutable_read_ap()->set_value(job.words[0]);
}

JobOr MakeWriteAp(const Request& request) {
  const auto& r = request.write_ap();
  if (absl::Status status = CheckApAddress(r.address()); !status.ok()) return status;
  return TransferJob::WriteRegister(Target::kAp, r.address(), {r.value()});
}

void FinishWriteAp(const TransferJob&, const Request&, Response& response) { response.mutable_write_ap(); }

JobOr MakeReadApMultiple(const Request& request) {
  const auto& r = request.read_ap_multiple();
  if (absl::Status status = CheckApAddress(r.address()); !status.ok()) return status;
  if (absl::Status status = CheckBlock(0, uint64_t{r.count()} * 4, 1); !status.ok()) return status;
  return TransferJob::ReadRegister(Target::kAp, r.address(), r.count());
}

void FinishReadApMultiple(const TransferJob& job, const Request&, Response& response) {
  response.mutable_read_ap_multiple()->mutable_values()->Add(job.words.begin(), job.words.end());
}

JobOr MakeWriteApMultiple(const Request& request) {
  const auto& r = request.write_ap_multiple();
  if (absl::Status status = CheckApAddress(r.address()); !status.ok()) return status;
  if (absl::Status status = CheckBlock(0, uint64_t{4} * static_cast<uint64_t>(r.values_size()), 1); !status.ok()) {
    return status;
  }
  return TransferJob::WriteRegister(Target::kAp, r.address(), {r.values().begin(), r.values().end()});
}

void FinishWriteApMultiple(const TransferJob&, const Request&, Response& response) {
  response.mutable_write_ap_multiple();
}

}  // namespace probegate::commands
