// The Trace Port Interface Unit, TPIU (ARMv7-M ARM §C1.10; Cortex-M4 TRM, chapter 11): sends the ITM's bytes out of the
// SWO pin, one after another, at the trace clock's rate divided by ACPR + 1.
//
// Only what leaves by SWO as a UART's bytes (SPPR 2, NRZ), with the formatter off (FFCR.EnFCont 0), can be listened to.
// A byte that leaves in another way, or while the pin belongs to GPIO, takes its time and is gone: Manchester coding,
// the parallel port and the formatter's frames are not modelled.
//
// Threads: the chip's rule.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/debug/instrumentation_trace.h"
#include "sim/target/components.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

// A byte on the pin: a start bit (low), eight bits from the lowest, a stop bit (high); the line is high in between.
struct SwoFrame {
  static constexpr unsigned kBits = 10;
  uint64_t start;       // the cycle at which the start bit begins
  uint64_t bit_cycles;  // how long each bit is
  uint8_t byte;
};

// What the chip around it decides: whether the pin is SWO, and TRACECLKIN.
struct TracePins {
  bool serial = false;
  uint32_t clock_hz = 32'000'000;  // a whole fraction of the core's
};

class TracePort : public Component {
 public:
  static constexpr uint32_t kBase = 0xE0040000;

  // All must outlive it. Takes what is in `source` from then on.
  TracePort(SimClock& clock, InstrumentationTrace& source, std::function<TracePins()> pins);

  // `listener` is told of each byte when its start bit begins; null for nobody.
  void OnSwo(std::function<void(const SwoFrame&)> listener) { listener_ = std::move(listener); }

 protected:
  uint32_t ReadWord(uint32_t offset) override;
  void WriteWord(uint32_t offset, uint32_t value) override;

 private:
  void SendNext();

  SimClock& clock_;
  InstrumentationTrace& source_;
  const std::function<TracePins()> pins_;
  std::function<void(const SwoFrame&)> listener_;
  Alarm sent_;
};

}  // namespace probegate::sim
