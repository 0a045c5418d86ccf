// The Instrumentation Trace Macrocell, ITM (ARMv7-M ARM §C1.7): what a program or a debugger writes to a stimulus port
// is sent as a packet (appendix D4), with local timestamps if they are enabled.
//
// Packets wait in a FIFO until the trace port takes their bytes. A write for which the FIFO has no room is lost, and an
// Overflow packet reports that. Without DEMCR.TRCENA the ports ignore writes. Not modelled: packets of the DWT,
// synchronization packets, global timestamps, a timestamp clock other than the core's, and TPR (the ITM does not know
// whether an access is privileged). The fields of TCR for these read as zero, or keep what is written without effect.
//
// Threads: the chip's rule.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>

#include "sim/debug/debug_state.h"
#include "sim/target/components.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class InstrumentationTrace : public Component {
 public:
  static constexpr uint32_t kBase = 0xE0000000;
  static constexpr unsigned kPorts = 32;
  static constexpr size_t kFifoBytes = 16;

  // Both must outlive it.
  InstrumentationTrace(const SimClock& clock, const DebugState& debug);

  // As after power-up; what waits to be sent is lost.
  void PowerUp();

  // `ready` is called when bytes have been added to the FIFO. The callee may Take them now or later.
  void OnData(std::function<void()> ready) { ready_ = std::move(ready); }
  bool empty() const { return fifo_.empty(); }
  // The FIFO must not be empty.
  uint8_t Take();

  // A write of 1, 2 or 4 bytes to a stimulus port is a packet; other registers work as in any component.
  void Write(uint32_t offset, unsigned size, uint32_t value) override;

 protected:
  uint32_t ReadWord(uint32_t offset) override;
  void WriteWord(uint32_t offset, uint32_t value) override;

 private:
  bool IsOn(unsigned port) const;
  size_t room() const { return kFifoBytes - fifo_.size(); }
  void WriteStimulus(unsigned port, unsigned size, uint32_t value);
  void Overflow();
  void Push(std::initializer_list<uint8_t> bytes) { fifo_.insert(fifo_.end(), bytes); }
  void PushTimestamp(bool delayed);

  const SimClock& clock_;
  const DebugState& debug_;
  std::function<void()> ready_;
  std::deque<uint8_t> fifo_;
  bool locked_ = true;
  bool overflowed_ = false;      // a write was lost, and no later one has been accepted
  bool overflow_owed_ = false;   // the Overflow packet waits for room
  bool timestamp_owed_ = false;  // the timestamp of the last packet waits for room
  uint64_t stamped_ = 0;         // the cycle of the last timestamp
};

}  // namespace probegate::sim
