// The Trace Port Interface Unit, TPIU (ARMv7-M ARM §C1.10; Cortex-M4 TRM, chapter 11): sends the ITM's bytes out of the
// SWO pin, one after another, at the rate of the trace clock divided by ACPR + 1.
//
// The listener gets only the bytes that are sent as NRZ (SPPR 2), as a UART does, with the formatter off (FFCR.EnFCont
// 0). Bytes that are sent in any other way, or while the pin belongs to GPIO, take their time and are lost: Manchester
// coding, the parallel port and the formatter's frames are not modelled.
//
// Threads: the chip's rule.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/debug/instrumentation_trace.h"
#include "sim/target/components.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

// A byte on the pin: a start bit (low), eight data bits, least significant first, and a stop bit (high). Between frames
// the line is high.
struct SwoFrame {
  static constexpr unsigned kBits = 10;
  uint64_t start;       // the cycle at which the start bit begins
  uint64_t bit_cycles;  // how long each bit is
  uint8_t byte;
};

// What the surrounding chip decides: whether the pin is SWO, and the frequency of TRACECLKIN.
struct TracePins {
  bool serial = false;
  uint32_t clock_hz = 32'000'000;  // divides the frequency of the core's clock
};

class TracePort : public Component {
 public:
  static constexpr uint32_t kBase = 0xE0040000;

  // `clock` and `source` must outlive it. Sends the bytes that `source` holds from now on. `pins` is called for the
  // current settings of the chip.
  TracePort(SimClock& clock, InstrumentationTrace& source, std::function<TracePins()> pins);

  // As after power-up.
  void PowerUp();

  // `listener`, which may be null, is called for each byte when its start bit begins.
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
