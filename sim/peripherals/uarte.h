// UARTE: a serial port that sends bytes from RAM and receives bytes into RAM (nRF52840 PS v1.1, chapters UARTE and
// EasyDMA).
//
// A character takes as much simulated time as its bits do at BAUDRATE. Bytes from outside wait in a FIFO of 64 KiB
// until the receiver takes them; when it is full, further bytes are lost. So there are no reception errors and no
// hardware flow control. EasyDMA can access only RAM: from other addresses it reads zeros, and to others it writes
// nothing. PSEL and the UART without EasyDMA, which has the same address, are not modelled: bytes are sent whatever
// pins are chosen.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>

#include "sim/peripherals/peripheral.h"
#include "sim/target/bus.h"
#include "sim/target/sim_clock.h"
#include "sim/trace.h"

namespace probegate::sim {

class Uarte : public Peripheral {
 public:
  static constexpr size_t kWaitingBytes = 64 * 1024;

  // `clock`, `bus` and `lines` must outlive it.
  Uarte(SimClock& clock, Bus& bus, InterruptLines& lines, unsigned irq);

  // Bytes that are waiting to be received are kept.
  void Reset(ResetCause cause) override;

  // The other end of the wires. `sent` is called with each byte when its stop bit has been sent, from an alarm.
  void OnSend(std::function<void(uint8_t)> sent) { sent_ = std::move(sent); }
  void Receive(std::span<const uint8_t> bytes);
  void TraceTo(Trace* trace) { trace_ = trace; }

 private:
  // One direction: its buffer, as latched at the start, and how many bytes of it are done.
  struct Channel {
    uint32_t pointer = 0;
    uint32_t size = 0;
    uint32_t done = 0;
    bool active = false;
  };

  void StartTask(uint32_t offset) override;
  void WriteRegister(uint32_t offset, uint32_t value) override;

  bool enabled() const;
  uint64_t character_cycles() const;
  void StartTx();
  void StopTx();
  void EndTx();
  void SendOne();
  void StartRx();
  void StopRx();
  void EndRx();
  void ReceiveOne();
  void ScheduleRx();

  SimClock& clock_;
  Bus& bus_;
  std::function<void(uint8_t)> sent_;
  Alarm tx_alarm_;
  Alarm rx_alarm_;
  Channel tx_;
  Channel rx_;
  std::deque<uint8_t> waiting_;
  Trace* trace_ = nullptr;
};

}  // namespace probegate::sim
