// NVMC: the controller that writes and erases flash and UICR (nRF52840 PS v1.1, chapter NVMC).
//
// An operation changes the memory when it is started, and keeps the controller busy for the time that the chip takes:
// 41 us for a word, 85 ms for a page or UICR, 169 ms for everything, divided by a factor. CONFIG applies to every write
// and erase, including a debugger's. A core that starts an operation while it executes from flash stops until the
// operation is done; one that executes from RAM continues, and can poll READY.
//
// An alarm is set for the end of each operation. So time passes for a debugger that polls READY while the core is
// halted: the engine lets simulated time follow the wall clock, and the debugger waits as long as it would for the
// chip.
//
// Different from silicon: writes of bytes and halfwords are accepted, the number of writes to a word is not limited, a
// page that is erased in parts keeps its contents until the last part, and a core that returns to flash during an
// operation that it started from RAM is not stopped. There is no instruction cache: IHIT and IMISS stay zero.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "sim/target/memory.h"
#include "sim/target/register_block.h"
#include "sim/target/reset.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class Nvmc : public RegisterBlock, public Resettable {
 public:
  // `from_flash` returns whether the current access is made by the core, by code in flash. `speed` is how many times
  // faster operations are than on the chip, and greater than zero. `clock` and both memories must outlive it; it sets
  // their OnWrite.
  Nvmc(SimClock& clock, Flash& flash, Flash& uicr, std::function<bool()> from_flash, double speed);

  // An operation in progress continues.
  void Reset(ResetCause cause) override;

  // Erases flash and UICR regardless of CONFIG, for the CTRL-AP.
  void EraseAll();

  bool busy() const { return clock_.now() < busy_until_; }

 private:
  uint32_t ReadWord(uint32_t offset) override;
  void WriteWord(uint32_t offset, uint32_t value) override;
  void SetConfig(uint32_t value);
  void Erase(uint32_t offset, uint32_t value);
  void ErasePage(uint32_t address);
  void ErasePart(uint32_t address);
  void EraseUicr();
  // Begins an operation that takes so long, now or after the operation in progress.
  void Begin(uint64_t microseconds);
  uint64_t Cycles(uint64_t microseconds) const;

  SimClock& clock_;
  Flash& flash_;
  Flash& uicr_;
  const std::function<bool()> from_flash_;
  const double speed_;
  uint64_t busy_until_ = 0;
  Alarm done_;
  std::map<uint32_t, uint32_t> parts_;  // the total time of a page's partial erases, in milliseconds
};

}  // namespace probegate::sim
