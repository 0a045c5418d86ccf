#include "sim/swd/debug_port.h"

#include <array>

namespace probegate::sim {
namespace {

constexpr uint8_t kAbort = 0x0;
constexpr uint8_t kDpidr = 0x0;
constexpr uint8_t kCtrlStat = 0x4;  // DPBANKSEL 0; DLCR in bank 1
constexpr uint8_t kResend = 0x8;
constexpr uint8_t kSelect = 0x8;

constexpr uint32_t kOrunDetect = 1u << 0;
constexpr uint32_t kStickyOrun = 1u << 1;
constexpr uint32_t kStickyErr = 1u << 5;
constexpr uint32_t kReadOk = 1u << 6;
constexpr uint32_t kWdataErr = 1u << 7;
constexpr uint32_t kMaskLane = 0xFu << 8;
constexpr uint32_t kDebugPowerAck = 1u << 29;
constexpr uint32_t kPowerRequests = 0x50000000u;
constexpr uint32_t kControlWritable = kPowerRequests | kMaskLane | kOrunDetect;
constexpr uint32_t kStickyFlags = kStickyOrun | kStickyErr | kWdataErr;

constexpr uint32_t kSelectWritable = 0xFF0000FFu;
constexpr uint32_t kDpBankMask = 0xF;
constexpr uint32_t kDlcrBank = 1;
constexpr uint32_t kDlcrTurnaround = 3u << 8;

// Which bit of ABORT clears which flag (§B2.2.1). STICKYCMP is only set by pushed operations.
struct AbortRow {
  uint32_t abort;
  uint32_t flag;
};
constexpr std::array<AbortRow, 3> kAbortRows = {{{1u << 2, kStickyErr}, {1u << 3, kWdataErr}, {1u << 4, kStickyOrun}}};

}  // namespace

DebugPort::DebugPort(uint32_t dpidr, std::span<AccessPort* const> access_ports)
    : dpidr_(dpidr), access_ports_(access_ports.begin(), access_ports.end()) {}

bool DebugPort::overrun_detection() const { return (control_ & kOrunDetect) != 0; }

unsigned DebugPort::turnaround() const { return ((dlcr_ & kDlcrTurnaround) >> 8) + 1; }

// Acknowledge bits follow their requests at once.
uint32_t DebugPort::ctrl_stat() const { return control_ | (control_ & kPowerRequests) << 1 | sticky_; }

bool DebugPort::AlwaysAnswers(const SwdRequest& request) const {
  if (request.ap) return false;
  if (!request.read) return request.address == kAbort;
  return request.address == kDpidr || (request.address == kCtrlStat && (select_ & kDpBankMask) == 0);
}

Ack DebugPort::Judge(const SwdRequest& request) {
  const std::optional<Ack> forced = forced_;
  forced_.reset();
  if (forced == Ack::kFault) sticky_ |= kStickyErr;
  if (AlwaysAnswers(request)) return Ack::kOk;

  Ack ack = Ack::kOk;
  if (forced == Ack::kWait) {
    ack = Ack::kWait;
  } else if ((sticky_ & kStickyFlags) != 0) {
    ack = Ack::kFault;
  } else if (request.ap && (ctrl_stat() & kDebugPowerAck) == 0) {
    sticky_ |= kStickyErr;
    ack = Ack::kFault;
  }
  if (ack != Ack::kOk) {
    if (request.read) sticky_ &= ~kReadOk;
    if (overrun_detection()) sticky_ |= kStickyOrun;
  }
  return ack;
}

uint32_t DebugPort::Read(const SwdRequest& request) {
  return request.ap ? ReadAp(request.address) : ReadDp(request.address);
}

void DebugPort::Write(const SwdRequest& request, uint32_t value) {
  if (request.ap) {
    WriteAp(request.address, value);
  } else {
    WriteDp(request.address, value);
  }
}

void DebugPort::WriteWithBadParity() { sticky_ |= kWdataErr; }

void DebugPort::LineReset() { select_ &= ~kDpBankMask; }

uint32_t DebugPort::ReadDp(uint8_t address) {
  switch (address) {
    case kDpidr:
      return dpidr_;
    case kCtrlStat:
      if ((select_ & kDpBankMask) == 0) return ctrl_stat();
      return (select_ & kDpBankMask) == kDlcrBank ? dlcr_ : 0;
    case kResend:
      return resend_;
    default:
      sticky_ |= kReadOk;
      resend_ = read_buffer_;
      return read_buffer_;
  }
}

void DebugPort::WriteDp(uint8_t address, uint32_t value) {
  switch (address) {
    case kAbort:
      Abort(value);
      break;
    case kCtrlStat:
      if ((select_ & kDpBankMask) == 0) control_ = value & kControlWritable;
      if ((select_ & kDpBankMask) == kDlcrBank) dlcr_ = value & kDlcrTurnaround;
      break;
    case kSelect:
      select_ = value & kSelectWritable;
      break;
    default:
      break;
  }
}

void DebugPort::Abort(uint32_t value) {
  for (const AbortRow& row : kAbortRows) {
    if ((value & row.abort) != 0) sticky_ &= ~row.flag;
  }
}

AccessPort* DebugPort::SelectedAp() const {
  const size_t index = select_ >> 24;
  return index < access_ports_.size() ? access_ports_[index] : nullptr;
}

uint32_t DebugPort::ReadAp(uint8_t address) {
  resend_ = read_buffer_;
  sticky_ |= kReadOk;
  AccessPort* ap = SelectedAp();
  if (const std::optional<uint32_t> value = ap != nullptr ? ap->Read(ApOffset(address)) : 0) {
    read_buffer_ = *value;
  } else {
    sticky_ |= kStickyErr;
  }
  return resend_;
}

void DebugPort::WriteAp(uint8_t address, uint32_t value) {
  AccessPort* ap = SelectedAp();
  if (ap != nullptr && !ap->Write(ApOffset(address), value)) sticky_ |= kStickyErr;
}

}  // namespace probegate::sim
