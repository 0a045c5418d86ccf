// The wires from peripherals to the interrupt controller.
#pragma once

namespace probegate::sim {

class InterruptLines {
 public:
  virtual ~InterruptLines() = default;

  // Drives line `irq` (0 for the first interrupt behind the sixteen exceptions). A rise makes the interrupt pending; a
  // line that is still up when its handler returns does so again (ARMv7-M ARM §B3.4.1). Setting what is already so
  // changes nothing. To be called under the chip's rule, as all of it; may be called out of a register access or an
  // alarm.
  virtual void Set(unsigned irq, bool level) = 0;
};

}  // namespace probegate::sim
