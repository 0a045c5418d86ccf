#include "probe/cmsis_dap/swo.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

constexpr size_t kMostStreamed = 16384;  // the most bytes in one read

// How much a rate may differ from the requested one. Beyond this, a UART reads the last bit of a byte wrong.
constexpr uint64_t kMostDeviation = 3;  // percent

}  // namespace

// Another program may have left the device capturing in any mode, so it is stopped first.
absl::Status SwoCapture::Start(uint32_t baud) {
  if (baud == 0) return MakeError(ErrorKind::kInvalidArgument, "invalid SWO rate of 0 baud");
  running_ = false;
  lost_ = false;
  if (absl::Status status = channel_.Order(SwoMode{SwoMode::kOff}); !status.ok()) return status;
  if (absl::Status status = ChooseTransport(); !status.ok()) return status;
  if (absl::Status status = channel_.Order(SwoMode{SwoMode::kUart}); !status.ok()) return status;
  if (absl::Status status = SetBaud(baud); !status.ok()) return status;
  if (streaming_) {
    if (absl::Status status = channel_.StartTrace(); !status.ok()) return status;
  }
  baud_ = baud;
  running_ = true;  // even if the answer is lost, because the capture may be running then
  return channel_.Order(SwoControl{true});
}

// A device that refuses to stream, although it says that it can, still sends packets.
absl::Status SwoCapture::ChooseTransport() {
  if (std::exchange(streaming_, false)) channel_.StopTrace();
  if (may_stream_) {
    absl::Status stream = channel_.Order(SwoTransport{SwoTransport::kStream});
    streaming_ = stream.ok();
    if (!IsRefusal(stream)) return stream;
  }
  return channel_.Order(SwoTransport{SwoTransport::kData});
}

absl::Status SwoCapture::Resume() {
  if (!running_) return absl::OkStatus();
  absl::Status status = Start(baud_);
  running_ = status.ok();
  lost_ = true;
  return status;
}

absl::Status SwoCapture::SetBaud(uint32_t baud) {
  const auto reply = channel_.Ask(SwoBaudrate{baud});
  if (!reply.ok()) return reply.status();
  const uint32_t actual = reply->baud;
  const uint64_t deviation = actual > baud ? actual - baud : baud - actual;
  if (deviation * 100 <= uint64_t{baud} * kMostDeviation) return absl::OkStatus();
  const std::string nearest = actual == 0 ? "" : absl::StrCat("; its nearest rate is ", actual);
  return MakeError(ErrorKind::kProbeError, absl::StrCat("the probe cannot capture SWO at ", baud, " baud", nearest));
}

absl::Status SwoCapture::Stop() {
  if (!running_) return absl::OkStatus();
  absl::Status status = channel_.Order(SwoControl{false});
  if (status.ok()) {
    running_ = false;
    status = channel_.Order(SwoMode{SwoMode::kOff});
  }
  if (streaming_) channel_.StopTrace();
  return status;
}

absl::StatusOr<SwoData> SwoCapture::Read() {
  if (!running_) return MakeError(ErrorKind::kProbeError, "the probe is not capturing SWO; start the capture first");
  auto data = streaming_ ? ReadStream() : ReadData();
  if (data.ok()) data->overrun |= std::exchange(lost_, false);
  return data;
}

// The event that the status reports may have happened before or after the bytes that arrived with it; there is no way
// to tell.
absl::StatusOr<SwoData> SwoCapture::ReadStream() {
  const auto status = channel_.Offer(SwoStatus{});
  if (!status.ok()) return status.status();
  SwoData data;
  if (*status) {
    data.overrun = (*status)->overrun;
    data.garbled = (*status)->garbled;
  }
  const absl::StatusOr<bool> more = channel_.TakeTrace(data.bytes, kMostStreamed);
  if (!more.ok()) return more.status();
  data.more = *more;
  return data;
}

absl::StatusOr<SwoData> SwoCapture::ReadData() {
  const auto data = channel_.Ask(SwoRead{most_});
  if (!data.ok()) return data.status();
  return SwoData{.bytes = {data->bytes.begin(), data->bytes.end()},
                 .more = data->bytes.size() == most_,
                 .overrun = data->overrun,
                 .garbled = data->garbled};
}

}  // namespace probegate::cmsis_dap
