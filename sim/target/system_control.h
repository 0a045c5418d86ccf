// The System Control Space of a Cortex-M4F: the registers by which a program and a debugger examine and control the
// processor (ARMv7-M Architecture Reference Manual §B3.2 to §B3.4, §C1.6).
#pragma once

#include <functional>

#include "sim/debug/core_debug.h"
#include "sim/target/register_block.h"
#include "sim/target/reset.h"

namespace probegate::sim {

class SystemControl : public RegisterBlock {
 public:
  static constexpr uint32_t kBase = 0xE000E000;

  // `processor` and `debug` must outlive it. `reset` is called for AIRCR.SYSRESETREQ and VECTRESET.
  SystemControl(Processor& processor, CoreDebug& debug, std::function<void(ResetCause)> reset);

  // Resets the registers that only store values; debug registers are not changed.
  void Reset();

 protected:
  uint32_t ReadWord(uint32_t offset) override;
  void WriteWord(uint32_t offset, uint32_t value) override;
  uint32_t OtherLanes(uint32_t offset) override;

 private:
  void WriteAircr(uint32_t value);
  bool WriteDebug(uint32_t offset, uint32_t value);

  Processor& processor_;
  CoreDebug& debug_;
  const std::function<void(ResetCause)> reset_;
};

}  // namespace probegate::sim
