// UARTE: a serial port that fetches what it sends from RAM, and puts there what it receives (nRF52840 PS v1.1, chapters
// UARTE and EasyDMA).
//
// A character takes its bits' time at BAUDRATE, of simulated time. What comes from outside waits until the receiver
// takes it, as if a FIFO of 64 KiB were between: what comes beyond that is lost. So there are no errors of reception,
// and no flow control by pins. EasyDMA reaches RAM alone: elsewhere it fetches zeros and stores nothing. PSEL and the
// UART without EasyDMA at the same addresses are not modelled: bytes leave whatever pin is chosen.
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

  // All must outlive it.
  Uarte(SimClock& clock, Bus& bus, InterruptLines& lines, unsigned irq);

  // What is waiting to be received stays.
  void Reset(ResetCause cause) override;

  // The other end of the wires. `sent` is called with each byte when its stop bit has gone, out of an alarm.
  void OnSend(std::function<void(uint8_t)> sent) { sent_ = std::move(sent); }
  void Receive(std::span<const uint8_t> bytes);
  void TraceTo(Trace* trace) { trace_ = trace; }

 private:
  // One direction: its buffer, latched when it was started, and how far it is.
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
