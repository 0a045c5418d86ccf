#include "probe/cmsis_dap/swo.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/cmsis_dap/packet_writer.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint8_t kStreamError = 1u << 6;
constexpr uint8_t kOverrun = 1u << 7;
constexpr size_t kDataHead = 4;  // command, status, count
constexpr size_t kStatusSize = 6;
constexpr size_t kMostStreamed = 16384;  // bytes of one read

// How far from what was asked for a rate may be: beyond it a UART takes the last bit of a byte for another.
constexpr uint64_t kMostDeviation = 3;  // percent

PacketWriter Begin(absl::Span<uint8_t> packet, Command command) {
  return PacketWriter(packet).U8(static_cast<uint8_t>(command));
}

}  // namespace

size_t Encode(const SwoTransport& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwoTransport).U8(command.transport).size();
}

size_t Encode(const SwoMode& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwoMode).U8(command.mode).size();
}

size_t Encode(const SwoControl& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwoControl).U8(command.start ? 1 : 0).size();
}

size_t Encode(const SwoBaudrate& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwoBaudrate).U32(command.baud).size();
}

std::optional<uint32_t> DecodeSwoBaudrate(absl::Span<const uint8_t> reply) {
  if (reply.size() < 5) return std::nullopt;
  return ReadU32(&reply[1]);
}

size_t MaxSwoBytes(size_t packet_size) { return std::min<size_t>(packet_size - kDataHead, UINT16_MAX); }

size_t Encode(const SwoDataRequest& command, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwoData).U16(command.most).size();
}

std::optional<SwoDataReply> DecodeSwoData(const SwoDataRequest& command, absl::Span<const uint8_t> reply) {
  if (reply.size() < kDataHead) return std::nullopt;
  const size_t count = reply[2] | size_t{reply[3]} << 8;
  if (count > command.most || reply.size() - kDataHead < count) return std::nullopt;
  return SwoDataReply{.garbled = (reply[1] & kStreamError) != 0,
                      .overrun = (reply[1] & kOverrun) != 0,
                      .bytes = reply.subspan(kDataHead, count)};
}

size_t Encode(const SwoStatus& /*command*/, absl::Span<uint8_t> packet) {
  return Begin(packet, Command::kSwoStatus).size();
}

std::optional<SwoStatusReply> DecodeSwoStatus(absl::Span<const uint8_t> reply) {
  if (reply.size() < kStatusSize) return std::nullopt;
  return SwoStatusReply{.garbled = (reply[1] & kStreamError) != 0, .overrun = (reply[1] & kOverrun) != 0};
}

// Another program may have left the device capturing, in whatever way.
absl::Status SwoCapture::Start(uint32_t baud) {
  if (baud == 0) return MakeError(ErrorKind::kInvalidArgument, "SWO at 0 baud");
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
  running_ = true;  // perhaps: where the answer is lost
  return channel_.Order(SwoControl{true});
}

// A device that refuses the endpoint may not mean it as it says.
absl::Status SwoCapture::ChooseTransport() {
  if (std::exchange(streaming_, false)) channel_.StopTrace();
  if (may_stream_) {
    const auto reply = channel_.Ask(SwoTransport{SwoTransport::kStream});
    if (!reply.ok()) return reply.status();
    const std::optional<bool> done = DecodeStatus(*reply);
    if (!done) return channel_.Nonsense(Command::kSwoTransport);
    streaming_ = *done;
  }
  return streaming_ ? absl::OkStatus() : channel_.Order(SwoTransport{SwoTransport::kData});
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
  const std::optional<uint32_t> actual = DecodeSwoBaudrate(*reply);
  if (!actual) return channel_.Nonsense(Command::kSwoBaudrate);
  const uint64_t deviation = *actual > baud ? *actual - baud : baud - *actual;
  if (deviation * 100 <= uint64_t{baud} * kMostDeviation) return absl::OkStatus();
  const std::string nearest = *actual == 0 ? "" : absl::StrCat("; its nearest rate is ", *actual);
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
  if (!running_) return MakeError(ErrorKind::kProbeError, "the probe does not capture SWO");
  auto data = streaming_ ? ReadStream() : ReadData();
  if (data.ok()) data->overrun |= std::exchange(lost_, false);
  return data;
}

// What the status tells of may be behind bytes that come in the meantime; nobody could tell.
absl::StatusOr<SwoData> SwoCapture::ReadStream() {
  const auto reply = channel_.Ask(SwoStatus{});
  if (!reply.ok()) return reply.status();
  const std::optional<SwoStatusReply> status = DecodeSwoStatus(*reply);
  if (!status) return channel_.Nonsense(Command::kSwoStatus);
  SwoData data{.overrun = status->overrun, .garbled = status->garbled};
  const absl::StatusOr<bool> more = channel_.TakeTrace(data.bytes, kMostStreamed);
  if (!more.ok()) return more.status();
  data.more = *more;
  return data;
}

absl::StatusOr<SwoData> SwoCapture::ReadData() {
  const SwoDataRequest command{static_cast<uint16_t>(most_)};
  const auto reply = channel_.Ask(command);
  if (!reply.ok()) return reply.status();
  const std::optional<SwoDataReply> data = DecodeSwoData(command, *reply);
  if (!data) return channel_.Nonsense(Command::kSwoData);
  return SwoData{.bytes = {data->bytes.begin(), data->bytes.end()},
                 .more = data->bytes.size() == most_,
                 .overrun = data->overrun,
                 .garbled = data->garbled};
}

}  // namespace probegate::cmsis_dap
