#include "probe/cmsis_dap/usb_trace.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kQuiet{30};  // bytes that were left over arrive within this time
constexpr milliseconds kBound{1000};

// The size of all reads in progress. Bytes that arrive before the stream is polled again fit in them, and the rest
// stays in the device.
constexpr size_t kBytes = 8192;
constexpr size_t kMostReads = 64;

}  // namespace

void UsbTrace::Detach() {
  pipe_.reset();
  if (running_) failure_ = MakeError(ErrorKind::kProbeError, "SWO was interrupted while the link was restored");
}

absl::Status UsbTrace::Attach(usb::Claim& claim) {
  pipe_ = claim.OpenPipe(endpoint_);
  return running_ ? judge_(Read()) : absl::OkStatus();
}

absl::Status UsbTrace::Start() {
  Stop();
  if (pipe_ == nullptr) return MakeError(ErrorKind::kProbeError, "the link to the SWO endpoint is down");
  absl::Status status = judge_(Drain());
  if (IsError(status, ErrorKind::kProbeError)) {  // the endpoint may be halted
    status = judge_(pipe_->Clear());
    if (status.ok()) status = judge_(Drain());
  }
  if (status.ok()) status = judge_(Read());
  running_ = status.ok();
  if (!running_) pipe_->Cancel();
  return status;
}

void UsbTrace::Stop() {
  if (pipe_ != nullptr) pipe_->Cancel();
  running_ = false;
  failure_ = absl::OkStatus();
}

// Reads until nothing more arrives.
absl::Status UsbTrace::Drain() {
  const usb::TimePoint bound = Clock::now() + kBound;
  while (Clock::now() < bound) {
    if (absl::Status status = Read(); !status.ok()) return status;
    const auto left = pipe_->Take(Clock::now() + kQuiet);
    if (!left.ok()) return left.status();
    if (!left->has_value()) return absl::OkStatus();
  }
  return MakeError(ErrorKind::kProbeError, "it sends SWO data although it is not capturing");
}

// Starts as many reads as may be in progress.
absl::Status UsbTrace::Read() {
  const size_t most = std::clamp<size_t>(kBytes / endpoint_.max_packet, 2, kMostReads);
  absl::Status status;
  while (status.ok() && pipe_->started() < most) status = pipe_->Read(endpoint_.max_packet);
  return status;
}

absl::Status UsbTrace::Failed(absl::Status status) {
  status = judge_(std::move(status));
  if (IsError(status, ErrorKind::kProbeDisconnected)) return status;
  absl::Status again = pipe_->Clear();
  if (again.ok()) again = Read();
  const absl::Status judged = judge_(std::move(again));
  return IsError(judged, ErrorKind::kProbeDisconnected) ? judged : status;
}

absl::StatusOr<bool> UsbTrace::Take(std::vector<uint8_t>& bytes, size_t most) {
  if (!failure_.ok()) return std::exchange(failure_, absl::OkStatus());
  if (!running_ || pipe_ == nullptr) return false;
  const size_t before = bytes.size();
  while (bytes.size() - before < most) {
    const auto packet = pipe_->Take(usb::TimePoint{});
    absl::Status status = packet.status();
    if (status.ok()) {
      if (!packet->has_value()) return false;
      bytes.insert(bytes.end(), (*packet)->begin(), (*packet)->end());
      status = Read();
    }
    if (status.ok()) continue;
    status = Failed(std::move(status));
    if (bytes.size() == before) return status;
    failure_ = status;  // the bytes before the error are returned first
    return true;
  }
  return true;
}

}  // namespace probegate::cmsis_dap
