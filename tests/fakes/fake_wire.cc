#include <algorithm>
#include <array>
#include <cstdio>

#include "probe/adi/registers.h"
#include "probe/error.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

constexpr std::array<const char*, 15> kCallNames = {"open",      "close",        "connect",           "disconnect",
                                                    "set_clock", "swj_sequence", "swd_sequence",      "jtag_sequence",
                                                    "reset",     "assert_reset", "is_reset_asserted", "transfer",
                                                    "swo_start", "swo_stop",     "swo_read"};

absl::Status Gone() { return MakeError(ErrorKind::kProbeDisconnected, "the fake probe is unplugged"); }

absl::Status FailureStatus(FakeFailure failure) {
  switch (failure) {
    case FakeFailure::kWait:
      return MakeError(ErrorKind::kTransferTimeout, "the target answers WAIT");
    case FakeFailure::kFault:
      return MakeError(ErrorKind::kTransferFault, "the target answers FAULT");
    case FakeFailure::kNoAck:
      return MakeError(ErrorKind::kTransferError, "the target does not answer");
    case FakeFailure::kProbeError:
    case FakeFailure::kReplyLost:
      return MakeError(ErrorKind::kProbeError, "the fake probe was told to fail");
    case FakeFailure::kUnplug:
      break;
  }
  return Gone();
}

absl::Status AckStatus(FakeBoard::Ack ack) {
  switch (ack) {
    case FakeBoard::Ack::kOk:
      return absl::OkStatus();
    case FakeBoard::Ack::kWait:
      return FailureStatus(FakeFailure::kWait);
    case FakeBoard::Ack::kFault:
    case FakeBoard::Ack::kReadFailed:
      return FailureStatus(FakeFailure::kFault);
    case FakeBoard::Ack::kNone:
      break;
  }
  return FailureStatus(FakeFailure::kNoAck);
}

bool IsApWrite(const WireTransfer& transfer) { return transfer.port == Port::kAp && !transfer.read; }

}  // namespace

std::string ToString(const WireCall& call) {
  std::string text = kCallNames[static_cast<size_t>(call.kind)];
  using Kind = WireCall::Kind;
  for (const Kind kind : {Kind::kSetClock, Kind::kSwjSequence, Kind::kSwdSequence, Kind::kJtagSequence,
                          Kind::kAssertReset, Kind::kTransfer, Kind::kSwoStart}) {
    if (call.kind == kind) text += " " + std::to_string(call.argument);
  }
  return text;
}

std::string ToString(const WireTransfer& transfer) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%s %s %x %08x", transfer.read ? "rd" : "wr",
                transfer.port == Port::kDp ? "dp" : "ap", unsigned{transfer.address}, unsigned{transfer.value});
  return text.data();
}

FakeWire::FakeWire(const FakeBoardOptions& board, ProbeInfo info)
    : options_(board), info_(std::move(info)), board_(board) {}

ProbeInfo FakeWire::DefaultInfo(std::string unique_id) {
  return {.unique_id = std::move(unique_id),
          .vendor_name = "Probegate",
          .product_name = "Fake probe",
          .firmware_version = "1.0",
          .features = {.swd_sequence = true}};
}

std::vector<WireCall> FakeWire::Calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

std::vector<std::string> FakeWire::CallLog() const {
  std::vector<std::string> log;
  for (const WireCall& call : Calls()) log.push_back(ToString(call));
  return log;
}

std::vector<std::string> FakeWire::TransferLog() const {
  std::vector<std::string> log;
  for (const WireCall& call : Calls()) {
    for (const WireTransfer& transfer : call.transfers) log.push_back(ToString(transfer));
  }
  return log;
}

void FakeWire::SendSwo(SwoData data) {
  MutexLock lock(mutex_);
  if (swo_baud_) swo_.push_back(std::move(data));
}

std::optional<uint32_t> FakeWire::swo_baud() const {
  MutexLock lock(mutex_);
  return swo_baud_;
}

size_t FakeWire::CountCalls(WireCall::Kind kind) const {
  MutexLock lock(mutex_);
  return static_cast<size_t>(
      std::count_if(calls_.begin(), calls_.end(), [kind](const WireCall& call) { return call.kind == kind; }));
}

void FakeWire::ClearLog() {
  MutexLock lock(mutex_);
  calls_.clear();
}

void FakeWire::FailTransfer(size_t index, FakeFailure failure, size_t times) {
  MutexLock lock(mutex_);
  failure_ = failure;
  fail_after_ = index;
  fail_times_ = times;
}

void FakeWire::FailNextCall(ErrorKind kind) {
  MutexLock lock(mutex_);
  fail_call_ = kind;
}

void FakeWire::Unplug() {
  MutexLock lock(mutex_);
  unplugged_ = true;
  changed_.NotifyAll();
}

void FakeWire::LoseLink() {
  MutexLock lock(mutex_);
  board_.LoseLink();
}

void FakeWire::PowerCycle() {
  MutexLock lock(mutex_);
  board_.PowerCycle();
}

void FakeWire::HoldTransfers() {
  MutexLock lock(mutex_);
  hold_ = true;
}

bool FakeWire::WaitUntilHeld(std::chrono::milliseconds bound) {
  const auto deadline = std::chrono::steady_clock::now() + bound;
  MutexLock lock(mutex_);
  while (held_ == 0) {
    if (!changed_.WaitUntil(mutex_, deadline)) return held_ != 0;
  }
  return true;
}

void FakeWire::ReleaseTransfers() {
  MutexLock lock(mutex_);
  hold_ = false;
  changed_.NotifyAll();
}

void FakeWire::WithBoard(const std::function<void(FakeBoard&)>& action) {
  MutexLock lock(mutex_);
  action(board_);
}

std::vector<uint8_t> FakeWire::ReadRam(uint32_t address, size_t size) const {
  MutexLock lock(mutex_);
  const auto first = board_.ram().begin() + (address - options_.ram_base);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

void FakeWire::WriteRam(uint32_t address, absl::Span<const uint8_t> bytes) {
  MutexLock lock(mutex_);
  std::copy(bytes.begin(), bytes.end(), board_.ram().begin() + (address - options_.ram_base));
}

uint32_t FakeWire::Ram(uint32_t address) const {
  uint32_t word = 0;
  for (const uint8_t byte : ReadRam(address, 4)) word = word >> 8 | static_cast<uint32_t>(byte) << 24;
  return word;
}

void FakeWire::SetRam(uint32_t address, uint32_t word) {
  std::array<uint8_t, 4> bytes;
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(word);
    word >>= 8;
  }
  WriteRam(address, bytes);
}

bool FakeWire::is_open() const {
  MutexLock lock(mutex_);
  return open_;
}

bool FakeWire::is_connected() const {
  MutexLock lock(mutex_);
  return connected_;
}

bool FakeWire::reset_asserted() const {
  MutexLock lock(mutex_);
  return reset_asserted_;
}

size_t FakeWire::reset_pulses() const {
  MutexLock lock(mutex_);
  return reset_pulses_;
}

void FakeWire::SetClocks(uint32_t lowest, uint32_t highest) {
  MutexLock lock(mutex_);
  lowest_clock_ = lowest;
  highest_clock_ = highest;
}

uint32_t FakeWire::clock() const {
  MutexLock lock(mutex_);
  return clock_;
}

absl::Status FakeWire::Enter(WireCall call) {
  calls_.push_back(std::move(call));
  if (unplugged_) return Gone();
  const std::optional<ErrorKind> fail = std::exchange(fail_call_, std::nullopt);
  return fail ? MakeError(*fail, "the fake probe was told to fail") : absl::OkStatus();
}

std::optional<FakeFailure> FakeWire::TakeFailure() {
  if (!failure_) return std::nullopt;
  if (fail_after_ > 0) {
    --fail_after_;
    return std::nullopt;
  }
  const FakeFailure failure = *failure_;
  if (--fail_times_ == 0) failure_.reset();
  return failure;
}

absl::Status FakeWire::RunOne(WireTransfer& transfer, bool& write_in_flight) {
  if (const std::optional<FakeFailure> failure = TakeFailure()) {
    switch (*failure) {
      case FakeFailure::kWait:
        board_.ForceNext(FakeBoard::Ack::kWait);
        break;
      case FakeFailure::kFault:
        board_.ForceNext(FakeBoard::Ack::kFault);
        break;
      case FakeFailure::kNoAck:
        board_.ForceNext(FakeBoard::Ack::kNone);
        break;
      case FakeFailure::kUnplug:
        unplugged_ = true;
        return Gone();
      case FakeFailure::kProbeError:
        return FailureStatus(*failure);
      case FakeFailure::kReplyLost:
        reply_lost_ = true;
        break;
    }
  }
  const FakeBoard::Ack ack = board_.Run(transfer);
  if (ack == FakeBoard::Ack::kOk) write_in_flight = IsApWrite(transfer);
  if (ack == FakeBoard::Ack::kReadFailed) write_in_flight = false;
  return AckStatus(ack);
}

void FakeWire::BeforeTransfer(size_t index, std::function<void()> action) {
  MutexLock lock(mutex_);
  before_after_ = index;
  before_ = std::move(action);
}

TransferResult FakeWire::Transfer(absl::Span<const TransferOp> ops, const Interrupt* interrupt) {
  MutexLock lock(mutex_);
  const auto interrupted = [interrupt] { return interrupt != nullptr && interrupt->raised(); };
  if (interrupted()) {
    calls_.push_back({.kind = WireCall::Kind::kTransfer});
    return {.status = Interrupted()};
  }
  if (hold_) {
    ++held_;
    changed_.NotifyAll();
    while (hold_ && !unplugged_) changed_.Wait(mutex_);
    --held_;
  }
  WireCall call{.kind = WireCall::Kind::kTransfer};
  TransferResult result;
  if (unplugged_) result.status = Gone();
  std::optional<size_t> lost_from;  // the first of the transfers whose reply is lost
  reply_lost_ = false;
  bool write_in_flight = false;
  bool sticky_before = board_.sticky_error();
  const auto write_failed = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return write_in_flight && !sticky_before && board_.sticky_error();
  };
  for (const TransferOp& op : ops) {
    call.argument += op.size();
    for (size_t i = 0; result.status.ok() && i < op.size(); ++i) {
      if (before_ && before_after_-- == 0) {
        const std::function<void()> action = std::exchange(before_, nullptr);
        mutex_.Unlock();
        action();
        mutex_.Lock();
      }
      const size_t begun = call.transfers.size();
      if (begun > 0 && begun % FakeProbe::kPacketTransfers == 0 && !write_failed() && interrupted()) {
        result.status = Interrupted();
        break;
      }
      WireTransfer transfer{.port = op.port, .address = op.address, .read = op.is_read()};
      if (!transfer.read) transfer.value = op.write[i];
      result.status = write_failed() ? FailureStatus(FakeFailure::kFault) : RunOne(transfer, write_in_flight);
      if (!result.status.ok()) break;
      if (reply_lost_ && !lost_from) lost_from = call.transfers.size();
      if (transfer.read) op.read[i] = transfer.value;
      call.transfers.push_back(transfer);
      sticky_before = sticky_before && board_.sticky_error();
    }
  }
  if (result.status.ok() && write_failed()) result.status = FailureStatus(FakeFailure::kFault);
  const bool fell = !result.status.ok() && !IsInterrupted(result.status);
  if (fell && write_in_flight && !call.transfers.empty()) call.transfers.pop_back();
  result.completed = call.transfers.size();
  if (lost_from) {
    result.status = FailureStatus(FakeFailure::kReplyLost);
    result.uncertain = result.completed - *lost_from;
    result.completed = *lost_from;
  }
  calls_.push_back(std::move(call));
  return result;
}

}  // namespace probegate
