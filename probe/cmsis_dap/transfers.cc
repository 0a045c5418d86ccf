#include "probe/cmsis_dap/transfers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/adi/registers.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/transfer_block.h"
#include "probe/error.h"
#include "probe/interrupt.h"

namespace probegate::cmsis_dap {
namespace {

// More packets in flight than this would not hide more latency, and would only leave more replies to drain after a
// failure.
constexpr size_t kMostInFlight = 16;
constexpr uint64_t kClocksPerTransfer = 64;  // 46 clocks and the idle cycles, rounded up for the firmware's own time

// Words `first` to `first + count` of `op`.
TransferOp Piece(const TransferOp& op, size_t first, size_t count) {
  TransferOp piece{.port = op.port, .address = op.address};
  if (op.is_read()) {
    piece.read = op.read.subspan(first, count);
  } else {
    piece.write = op.write.subspan(first, count);
  }
  return piece;
}

}  // namespace

Transfers::Transfers(Channel& channel, size_t packet_size, size_t packet_count)
    : channel_(channel),
      packet_size_(packet_size),
      packet_count_(std::clamp<size_t>(packet_count, 1, kMostInFlight)),
      swd_encoder_(packet_size, channel.pads_replies()),
      jtag_encoder_(packet_size, channel.pads_replies()) {}

void Transfers::Use(bool jtag, uint8_t device) {
  jtag_ = jtag;
  device_ = device;
  jtag_encoder_.set_device(device);
  jtag_encoder_.ForgetSelect();
}

TransferEncoder& Transfers::encoder() {
  if (jtag_) return jtag_encoder_;
  return swd_encoder_;
}

bool Transfers::IsAbort(const TransferOp& op) const {
  return jtag_ && op.port == Port::kDp && !op.is_read() && op.address == adi::kDpAbort;
}

void Transfers::SetPace(uint32_t hertz, std::chrono::milliseconds wait_bound) {
  hertz_ = hertz;
  wait_bound_ = wait_bound;
}

std::chrono::microseconds Transfers::Busy(size_t transfers) const {
  const uint64_t clocks = kClocksPerTransfer * transfers;
  return wait_bound_ + std::chrono::microseconds(hertz_ == 0 ? 0 : clocks * 1'000'000 / hertz_);
}

size_t Transfers::TransfersPerPacket() const {
  if (hertz_ == 0) return SIZE_MAX;
  const uint64_t clocks = uint64_t{hertz_} * static_cast<uint64_t>(kLongestPacket.count()) / 1000;
  return std::max<uint64_t>(clocks / kClocksPerTransfer, 1);
}

TransferResult Transfers::Run(absl::Span<const TransferOp> ops) {
  TransferResult result;
  Cursor cursor;
  while (cursor.op < ops.size() && result.status.ok()) {
    if (channel_.interrupted()) {
      result.status = Interrupted();
      break;
    }
    const TransferOp& op = ops[cursor.op];
    TransferResult part;
    if (IsAbort(op)) {
      part = RunAbort(op);
      cursor = {cursor.op + 1, 0};
    } else if (op.size() - cursor.word > encoder().Capacity(op.is_read())) {
      part = RunBlock(Piece(op, cursor.word, op.size() - cursor.word));
      cursor = {cursor.op + 1, 0};
    } else {
      part = RunPacket(ops, cursor);
    }
    result.status = std::move(part.status);
    result.completed += part.completed;
    result.uncertain = part.uncertain;
  }
  return result;
}

TransferResult Transfers::RunPacket(absl::Span<const TransferOp> ops, Cursor& cursor) {
  TransferEncoder& encoder = this->encoder();
  encoder.Clear();
  const size_t most = TransfersPerPacket();
  size_t words = 0;
  while (cursor.op < ops.size() && words < most) {
    const TransferOp& op = ops[cursor.op];
    if (IsAbort(op)) break;
    if (cursor.word == op.size()) {
      cursor = {cursor.op + 1, 0};
      continue;
    }
    if (!encoder.Add(op, cursor.word)) break;
    ++cursor.word;
    ++words;
  }
  if (encoder.empty()) return {};
  encoder.Close();
  return AskEncoded(encoder, words);
}

// `words`: how many of the caller's words may have been transferred if the answer is lost.
TransferResult Transfers::AskEncoded(TransferEncoder& encoder, size_t words) {
  const auto outcome = channel_.Ask(encoder, Busy(encoder.size()), encoder.size());
  if (!outcome.ok()) {
    jtag_encoder_.ForgetSelect();
    return {.status = outcome.status(), .uncertain = words};
  }
  return {.status = StatusOfAck(outcome->ack), .completed = outcome->completed, .uncertain = outcome->uncertain};
}

// Each word is a separate write of ABORT. In a JTAG-DP of ADIv5.0, ABORT has only the DAPABORT bit; the sticky flags
// are cleared in CTRL/STAT.
TransferResult Transfers::RunAbort(const TransferOp& op) {
  TransferResult result;
  for (const uint32_t value : op.write) {
    result.status = channel_.Order(WriteAbort{value, device_});
    uint32_t flags = 0;
    if (result.status.ok() && (value & adi::kAbortClearSticky) != 0) {
      jtag_encoder_.MakeStatusRead(flags);
      result.status = AskEncoded(jtag_encoder_, 0).status;
    }
    if (result.status.ok() && (flags & adi::kStickyFlags) != 0) {
      jtag_encoder_.MakeStatusWrite(flags);
      result.status = AskEncoded(jtag_encoder_, 0).status;
    }
    if (!result.status.ok()) {
      result.uncertain = 1;
      return result;
    }
    ++result.completed;
  }
  return result;
}

TransferResult Transfers::RunBlock(const TransferOp& op) {
  TransferResult result = SendBlocks(op);
  if (!jtag_ || op.port == Port::kDp || result.completed == 0) return result;
  if (!result.status.ok() && !IsInterrupted(result.status)) return result;
  TransferResult checked = CheckBlock(result.completed);
  if (checked.status.ok()) checked.status = result.status;
  return checked;
}

TransferResult Transfers::CheckBlock(size_t words) {
  jtag_encoder_.MakeCheck(words);
  return AskEncoded(jtag_encoder_, words);
}

TransferResult Transfers::SendBlocks(const TransferOp& op) {
  const size_t most = TransfersPerPacket();
  const size_t piece_words = std::min(TransferBlock::MaxWords(op.is_read(), packet_size_), most);
  const size_t in_flight = std::min(packet_count_, most / piece_words);
  const auto piece_at = [&op, piece_words](size_t first) {
    return Piece(op, first, std::min(piece_words, op.size() - first));
  };
  TransferResult result;
  uint8_t ack = kAckOk;
  size_t sent = 0;
  bool several = false;      // packets have been in flight together
  bool interrupted = false;  // nothing more is sent
  size_t received = 0;
  while (received < sent || (ack == kAckOk && !interrupted && received < op.size())) {
    while (ack == kAckOk && sent < op.size() && sent < received + in_flight * piece_words) {
      // Before the first packet, Run has asked.
      interrupted = interrupted || (sent > 0 && channel_.interrupted());
      if (interrupted) break;
      const TransferOp piece = piece_at(sent);
      result.status = channel_.Send(TransferBlock{piece, device_}, piece.size());
      if (!result.status.ok()) {
        result.uncertain = op.size() - result.completed;
        return result;
      }
      sent += piece.size();
      several = several || sent > received + piece.size();
    }
    const TransferOp piece = piece_at(received);
    const auto outcome = channel_.Receive(TransferBlock{piece, device_}, Busy(piece.size()));
    if (!outcome.ok()) {
      // The replies that have come may belong to later packets than they were taken for.
      if (several) result.completed = 0;
      result.status = several ? StepDown(outcome.status()) : outcome.status();
      result.uncertain = sent - result.completed;
      break;
    }
    received += piece.size();
    // What was sent after the one that failed may have run, but the caller is not told that it completed.
    if (ack != kAckOk) continue;
    ack = outcome->ack;
    result.completed += outcome->completed;
  }
  if (ack != kAckOk) {
    result.status = StatusOfAck(ack);
  } else if (several && result.status.ok()) {
    result.status = channel_.TakeUnasked();
    if (!result.status.ok()) result = {.status = std::move(result.status), .uncertain = sent};
  }
  if (result.status.ok() && received < op.size()) result.status = Interrupted();
  return result;
}

// Returns the error to report for `why`, the failure of a block.
absl::Status Transfers::StepDown(const absl::Status& why) {
  if (!IsError(why, ErrorKind::kProbeError) || IsRefusal(why)) return why;
  channel_.Assume(absl::StrCat("the probe says that it holds ", packet_count_,
                               " packets, but lost one of several; from now on it gets one at a time"));
  packet_count_ = 1;
  return MakeError(
      ErrorKind::kProbeError,
      absl::StrCat(why.message(), ", which had several packets on their way; from now on the probe gets one ",
                   "at a time, so try again"));
}

// The next transfer shows whether it helps; the error to report is the WAIT in any case.
void Transfers::AbortAccess() {
  const absl::Status status = channel_.Order(WriteAbort{adi::kAbortDapAbort, device_});
  if (jtag_ || !IsRefusal(status)) return;
  // Over SWD, a transfer can write ABORT, too.
  constexpr uint32_t kAbort = adi::kAbortDapAbort;
  TransferEncoder& encoder = swd_encoder_;
  encoder.Clear();
  encoder.Add({.port = Port::kDp, .address = adi::kDpAbort, .write = {&kAbort, 1}, .read = {}}, 0);
  encoder.Close();
  static_cast<void>(channel_.Ask(encoder, Busy(1), 1));
}

absl::Status Transfers::StatusOfAck(uint8_t ack) {
  switch (ack) {
    case kAckOk:
      return absl::OkStatus();
    case kAckMissing:
      if (jtag_) break;  // over JTAG, this ACK means that TDO is low: no answer
      return MakeError(ErrorKind::kProbeError, "the probe did not run the transfer: it is not connected to a target");
    case kAckWait:
      channel_.observer().OnWait();
      AbortAccess();
      return MakeError(ErrorKind::kTransferTimeout, "the target has answered WAIT for too long");
    case kAckFault:
      channel_.observer().OnFault();
      return MakeError(ErrorKind::kTransferFault, "the target answered FAULT");
    case kAckNone:
      channel_.observer().OnNoAck();
      return MakeError(ErrorKind::kTransferError, "the target did not answer (no ACK)");
    default:
      break;
  }
  if ((ack & kAckErrorBit) != 0) {
    return MakeError(ErrorKind::kTransferError, "protocol error, or data with the wrong parity");
  }
  return MakeError(ErrorKind::kTransferError, "the target's ACK is garbled (" + std::to_string(ack) + ")");
}

}  // namespace probegate::cmsis_dap
