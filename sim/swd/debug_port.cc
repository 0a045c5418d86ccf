#include "sim/swd/debug_port.h"

#include <array>
#include <utility>

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
constexpr uint32_t kControlWritable = PowerControl::kRequests | kMaskLane | kOrunDetect;
constexpr uint32_t kStickyFlags = kStickyOrun | kStickyErr | kWdataErr;

constexpr uint32_t kSelectWritable = 0xFF0000FFu;  // in version 1: APSEL and the banks
constexpr uint32_t kDpBankMask = 0xF;
constexpr uint32_t kDpidr1Bank = 1;
constexpr uint32_t kBasePointerBank = 2;
constexpr uint32_t kDlcrBank = 1;
constexpr uint32_t kDlcrTurnaround = 3u << 8;

// Which bit of ABORT clears which flag (§B2.2.1). STICKYCMP is only set by pushed operations.
struct AbortRow {
  uint32_t abort;
  uint32_t flag;
};
constexpr std::array<AbortRow, 3> kAbortRows = {{{1u << 2, kStickyErr}, {1u << 3, kWdataErr}, {1u << 4, kStickyOrun}}};

}  // namespace

DebugPort::DebugPort(uint32_t dpidr, std::span<AccessPort* const> access_ports, std::function<PowerControl::Time()> now)
    : identity_{.dpidr = dpidr},
      owned_bus_(std::make_unique<ApSelBus>(access_ports)),
      bus_(*owned_bus_),
      power_(std::move(now)) {}

DebugPort::DebugPort(const DpIdentity& identity, ApBus& bus, std::function<PowerControl::Time()> now)
    : identity_(identity), bus_(bus), power_(std::move(now)) {}

bool DebugPort::overrun_detection() const { return (control_ & kOrunDetect) != 0; }

unsigned DebugPort::turnaround() const { return ((dlcr_ & kDlcrTurnaround) >> 8) + 1; }

uint32_t DebugPort::ctrl_stat() const { return control_ | power_.acknowledges() | sticky_; }

bool DebugPort::AlwaysAnswers(const SwdRequest& request) const {
  if (request.ap) return false;
  if (!request.read) return request.address == kAbort;
  if (request.address == kDpidr) return !version3() || bank() == 0;
  return request.address == kCtrlStat && bank() == 0;
}

void DebugPort::TraceAccess(const SwdRequest& request, uint32_t value) const {
  if (trace_ == nullptr) return;
  trace_->Line("{} {} {:08x} {:08x}", request.ap ? "ap" : "dp", request.read ? "read" : "write",
               request.ap ? ApAddress(request.address) : request.address, value);
}

void DebugPort::TraceAck(const SwdRequest& request, const char* ack) const {
  if (trace_ == nullptr) return;
  trace_->Line("{} {} {:08x} {}", request.ap ? "ap" : "dp", request.read ? "read" : "write",
               request.ap ? ApAddress(request.address) : request.address, ack);
}

Ack DebugPort::Judge(const SwdRequest& request) {
  if (requested_) requested_();
  const Ack ack = Decide(request);
  if (ack != Ack::kOk) TraceAck(request, ack == Ack::kWait ? "wait" : "fault");
  return ack;
}

Ack DebugPort::Decide(const SwdRequest& request) {
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
  const uint32_t value = request.ap ? ReadAp(request.address) : ReadDp(request.address);
  TraceAccess(request, value);
  return value;
}

void DebugPort::Write(const SwdRequest& request, uint32_t value) {
  TraceAccess(request, value);
  if (request.ap) {
    WriteAp(request.address, value);
  } else {
    WriteDp(request.address, value);
  }
}

void DebugPort::WriteWithBadParity() { sticky_ |= kWdataErr; }

void DebugPort::PowerUp() {
  control_ = sticky_ = select_ = dlcr_ = read_buffer_ = resend_ = 0;
  power_.Request(0);
}

void DebugPort::LineReset() { select_ &= ~kDpBankMask; }

uint32_t DebugPort::ReadDp(uint8_t address) {
  switch (address) {
    case kDpidr:
      if (!version3() || bank() == 0) return identity_.dpidr;
      if (bank() == kDpidr1Bank) return identity_.dpidr1;
      return bank() == kBasePointerBank ? identity_.base_pointer : 0;
    case kCtrlStat:
      if (bank() == 0) return ctrl_stat();
      return bank() == kDlcrBank ? dlcr_ : 0;
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
      if (bank() == 0) {
        control_ = value & kControlWritable;
        power_.Request(control_);
      }
      if (bank() == kDlcrBank) dlcr_ = value & kDlcrTurnaround;
      break;
    case kSelect:
      select_ = version3() ? value : value & kSelectWritable;
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

uint32_t DebugPort::ReadAp(uint8_t address) {
  resend_ = read_buffer_;
  sticky_ |= kReadOk;
  if (const std::optional<uint32_t> value = bus_.Read(ApAddress(address))) {
    read_buffer_ = *value;
  } else {
    sticky_ |= kStickyErr;
  }
  return resend_;
}

void DebugPort::WriteAp(uint8_t address, uint32_t value) {
  if (!bus_.Write(ApAddress(address), value)) sticky_ |= kStickyErr;
}

bool DebugPort::ScanMustWait() {
  if (requested_) requested_();
  const std::optional<Ack> forced = std::exchange(forced_, std::nullopt);
  if (forced == Ack::kFault) sticky_ |= kStickyErr;
  if (forced == Ack::kWait && overrun_detection()) sticky_ |= kStickyOrun;
  return forced == Ack::kWait;
}

// Whether an access to an AP is carried out; if not, it is discarded.
bool DebugPort::ScanReachesAp() {
  if ((sticky_ & kStickyFlags) != 0) return false;
  if ((ctrl_stat() & kDebugPowerAck) != 0) return true;
  sticky_ |= kStickyErr;
  return false;
}

uint32_t DebugPort::ScanRead(const SwdRequest& request) {
  const uint32_t value = ScanFetch(request);
  TraceAccess(request, value);
  return value;
}

uint32_t DebugPort::ScanFetch(const SwdRequest& request) {
  if (request.ap) {
    if (!ScanReachesAp()) return 0;
    const std::optional<uint32_t> value = bus_.Read(ApAddress(request.address));
    if (!value) sticky_ |= kStickyErr;
    return value.value_or(0);
  }
  switch (request.address) {
    case kDpidr:
      return ReadDp(request.address);
    case kCtrlStat:
      return bank() == 0 ? ctrl_stat() & ~(kReadOk | kWdataErr) : ReadDp(request.address);
    default:
      return 0;
  }
}

void DebugPort::ScanWrite(const SwdRequest& request, uint32_t value) {
  TraceAccess(request, value);
  if (request.ap) {
    if (ScanReachesAp()) WriteAp(request.address, value);
  } else if (request.address != kAbort) {
    if (request.address == kCtrlStat && bank() == 0) sticky_ &= ~(value & (kStickyErr | kStickyOrun));
    WriteDp(request.address, value);
  }
}

}  // namespace probegate::sim
