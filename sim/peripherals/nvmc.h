// NVMC: by which flash and UICR are written and erased (nRF52840 PS v1.1, chapter NVMC).
//
// An operation changes the memory when it is started, and keeps the controller busy for the time that the chip takes:
// 41 us a word, 85 ms a page or UICR, 169 ms for all, divided by a factor. CONFIG is asked about every write and erase,
// a debugger's too. A core that starts an operation and executes from flash stands still until it is done; one that
// executes from RAM goes on, and sees READY.
//
// An alarm is set for the end of each operation. So time passes for a debugger that polls READY while the core is
// halted: the engine lets it pass as the wall clock does, and the debugger waits as long as it would for the chip.
//
// Not as on silicon: writes of bytes and halfwords are taken, the number of writes to a word is not counted, a page
// that is erased in parts keeps its contents until its last part, and a core that comes back to flash during an
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
  // `from_flash` says whether the access under way is the core's own, by code in flash. `speed`: by how much faster
  // than the real ones operations are; greater than zero. All must outlive it; it takes OnWrite of both memories.
  Nvmc(SimClock& clock, Flash& flash, Flash& uicr, std::function<bool()> from_flash, double speed);

  // An operation under way goes on.
  void Reset(ResetCause cause) override;

  // Erases flash and UICR whatever CONFIG says: for the CTRL-AP.
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
  // An operation of so long begins now, or behind the one under way.
  void Begin(uint64_t microseconds);
  uint64_t Cycles(uint64_t microseconds) const;

  SimClock& clock_;
  Flash& flash_;
  Flash& uicr_;
  const std::function<bool()> from_flash_;
  const double speed_;
  uint64_t busy_until_ = 0;
  Alarm done_;
  std::map<uint32_t, uint32_t> parts_;  // milliseconds for which a page has been erased in part
};

}  // namespace probegate::sim
