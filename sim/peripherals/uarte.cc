#include "sim/peripherals/uarte.h"

#include <algorithm>

namespace probegate::sim {
namespace {

constexpr uint32_t kTaskStartRx = 0x000;
constexpr uint32_t kTaskStopRx = 0x004;
constexpr uint32_t kTaskStartTx = 0x008;
constexpr uint32_t kTaskStopTx = 0x00C;
constexpr uint32_t kTaskFlushRx = 0x02C;
constexpr uint32_t kEventRxdRdy = 0x108;
constexpr uint32_t kEventEndRx = 0x110;
constexpr uint32_t kEventTxdRdy = 0x11C;
constexpr uint32_t kEventEndTx = 0x120;
constexpr uint32_t kEventRxTo = 0x144;
constexpr uint32_t kEventRxStarted = 0x14C;
constexpr uint32_t kEventTxStarted = 0x150;
constexpr uint32_t kEventTxStopped = 0x158;
// CTS, NCTS, RXDRDY, ENDRX, TXDRDY, ENDTX, ERROR, RXTO, RXSTARTED, TXSTARTED, TXSTOPPED.
constexpr uint32_t kEvents = 0x5A0397;

constexpr uint32_t kShortEndRxStartRx = 1u << 5;
constexpr uint32_t kShortEndRxStopRx = 1u << 6;

constexpr uint32_t kErrorSrc = 0x480;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kEnabled = 8;
constexpr uint32_t kBaudrate = 0x524;
constexpr uint32_t kRxdPtr = 0x534;
constexpr uint32_t kRxdMaxCnt = 0x538;
constexpr uint32_t kRxdAmount = 0x53C;
constexpr uint32_t kTxdPtr = 0x544;
constexpr uint32_t kTxdMaxCnt = 0x548;
constexpr uint32_t kTxdAmount = 0x54C;
constexpr uint32_t kConfig = 0x56C;
constexpr uint32_t kConfigParity = 7u << 1;
constexpr uint32_t kConfigTwoStopBits = 1u << 4;

constexpr RegisterRow kRows[] = {
    {0x200, 0, kShortEndRxStartRx | kShortEndRxStopRx},
    {kErrorSrc, 0, 0},
    {kEnable, 0, 0xF},
    {0x508, 0xFFFFFFFF, 0x8000003F, 4},  // PSEL.RTS, TXD, CTS, RXD
    {kBaudrate, 0x04000000, 0xFFFFFFFF},
    {kRxdPtr, 0, 0xFFFFFFFF},
    {kRxdMaxCnt, 0, 0xFFFF},
    {kRxdAmount, 0, 0},
    {kTxdPtr, 0, 0xFFFFFFFF},
    {kTxdMaxCnt, 0, 0xFFFF},
    {kTxdAmount, 0, 0},
    {kConfig, 0, 0x1F},
};

constexpr uint64_t kBaudrateHz = 16'000'000;  // the unit of BAUDRATE is 2^-32 of this

bool InRam(const Bus& bus, uint32_t address) { return bus.WritableHostBytes(address, 1) != nullptr; }

}  // namespace

Uarte::Uarte(SimClock& clock, Bus& bus, InterruptLines& lines, unsigned irq)
    : Peripheral(lines, irq, kEvents, kRows),
      clock_(clock),
      bus_(bus),
      tx_alarm_(clock, [this] { SendOne(); }),
      rx_alarm_(clock, [this] { ReceiveOne(); }) {}

void Uarte::Reset(ResetCause cause) {
  Peripheral::Reset(cause);
  tx_alarm_.Clear();
  rx_alarm_.Clear();
  tx_ = {};
  rx_ = {};
}

bool Uarte::enabled() const { return word(kEnable) == kEnabled; }

uint64_t Uarte::character_cycles() const {
  const uint32_t config = word(kConfig);
  const uint64_t bits = 10 + ((config & kConfigParity) != 0 ? 1 : 0) + ((config & kConfigTwoStopBits) != 0 ? 1 : 0);
  const uint64_t rate = std::max(word(kBaudrate), 1u);
  return ((bits * clock_.hz() / kBaudrateHz) << 32) / rate;
}

void Uarte::StartTask(uint32_t offset) {
  if (!enabled()) return;
  switch (offset) {
    case kTaskStartRx:
      StartRx();
      return;
    case kTaskStopRx:
      StopRx();
      return;
    case kTaskStartTx:
      StartTx();
      return;
    case kTaskStopTx:
      StopTx();
      return;
    case kTaskFlushRx:
      // There is no FIFO to flush: bytes that have been received are in RAM already.
      word(kRxdAmount) = 0;
      Raise(kEventEndRx);
      return;
    default:
      return;
  }
}

void Uarte::WriteRegister(uint32_t offset, uint32_t value) {
  if (offset == kErrorSrc) {
    word(offset) &= ~value;
    return;
  }
  Keep(offset, value);
  if (offset != kEnable || enabled()) return;
  tx_alarm_.Clear();
  rx_alarm_.Clear();
  tx_.active = false;
  rx_.active = false;
}

void Uarte::StartTx() {
  tx_ = {.pointer = word(kTxdPtr), .size = word(kTxdMaxCnt), .done = 0, .active = true};
  Raise(kEventTxStarted);
  if (tx_.size == 0) {
    EndTx();
  } else {
    tx_alarm_.SetIn(character_cycles());
  }
}

void Uarte::SendOne() {
  const uint32_t address = tx_.pointer + tx_.done++;
  const uint8_t byte = InRam(bus_, address) ? static_cast<uint8_t>(*bus_.Read(address, 1)) : 0;
  if (trace_ != nullptr) trace_->Line("uart {:02x}", byte);
  if (sent_) sent_(byte);
  Raise(kEventTxdRdy);
  if (tx_.done == tx_.size) {
    EndTx();
  } else {
    tx_alarm_.SetAt(tx_alarm_.last_due() + character_cycles());
  }
}

void Uarte::EndTx() {
  tx_alarm_.Clear();
  tx_.active = false;
  word(kTxdAmount) = tx_.done;
  Raise(kEventEndTx);
}

void Uarte::StopTx() {
  if (tx_.active) EndTx();
  Raise(kEventTxStopped);
}

void Uarte::StartRx() {
  rx_ = {.pointer = word(kRxdPtr), .size = word(kRxdMaxCnt), .done = 0, .active = true};
  Raise(kEventRxStarted);
  if (rx_.size == 0) {
    EndRx();
  } else {
    ScheduleRx();
  }
}

void Uarte::Receive(std::span<const uint8_t> bytes) {
  const size_t room = kWaitingBytes - waiting_.size();
  const std::span<const uint8_t> taken = bytes.first(std::min(bytes.size(), room));
  waiting_.insert(waiting_.end(), taken.begin(), taken.end());
  ScheduleRx();
}

void Uarte::ScheduleRx() {
  if (rx_.active && !waiting_.empty() && !rx_alarm_.is_set()) rx_alarm_.SetIn(character_cycles());
}

void Uarte::ReceiveOne() {
  const uint32_t address = rx_.pointer + rx_.done++;
  if (InRam(bus_, address)) bus_.Write(address, 1, waiting_.front());
  waiting_.pop_front();
  Raise(kEventRxdRdy);
  if (rx_.done == rx_.size) EndRx();
  ScheduleRx();
}

void Uarte::EndRx() {
  rx_alarm_.Clear();
  rx_.active = false;
  word(kRxdAmount) = rx_.done;
  Raise(kEventEndRx);
  const uint32_t shorts = word(kShorts);
  // An empty buffer would end again immediately, in an endless loop.
  if ((shorts & kShortEndRxStartRx) != 0 && word(kRxdMaxCnt) != 0) {
    StartRx();
  } else if ((shorts & kShortEndRxStopRx) != 0) {
    StopRx();
  }
}

void Uarte::StopRx() {
  if (rx_.active) {
    rx_alarm_.Clear();
    rx_.active = false;
    word(kRxdAmount) = rx_.done;
    Raise(kEventEndRx);
  }
  Raise(kEventRxTo);
}

}  // namespace probegate::sim
