// The wires from peripherals to the interrupt controller.
#pragma once

namespace probegate::sim {

class InterruptLines {
 public:
  virtual ~InterruptLines() = default;

  // Drives line `irq`, where 0 is the first interrupt after the sixteen system exceptions. A rising edge makes the
  // interrupt pending, and so does a line that is still high when its handler returns (ARMv7-M ARM §B3.4.1). Setting a
  // line to the level it already has changes nothing. Threads: the chip's rule; may be called from a register access or
  // an alarm.
  virtual void Set(unsigned irq, bool level) = 0;
};

}  // namespace probegate::sim
