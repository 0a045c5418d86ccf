// The data watchpoint and trace unit (ARMv7-M ARM §C1.8): four comparators as watchpoints, the cycle counter, and PC
// samples. It sends no trace packets; the cycle counter and PC samples can only be read from its registers.
//
// A watchpoint matches an access that touches any byte of its range. Threads: the chip's rule.
#pragma once

#include <functional>

#include "sim/debug/debug_state.h"
#include "sim/target/components.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class WatchpointUnit : public Component {
 public:
  static constexpr uint32_t kBase = 0xE0001000;
  static constexpr unsigned kComparators = 4;

  // `clock` and `debug` must outlive it. `pc_sample` returns the core's PC, or 0xFFFFFFFF while it is halted.
  WatchpointUnit(const SimClock& clock, const DebugState& debug, std::function<uint32_t()> pc_sample);

  // As after power-up.
  void PowerUp();

  // `changed` is called when a register has been written.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }
  // Whether the core's clock reaches CYCCNT.
  void SetClocked(bool clocked);

  // Whether any comparator watches data accesses.
  bool watches_data() const;
  // Has bit (pc / 2) % 64 set for each instruction at `pc` that a comparator may match.
  uint64_t marks() const;

  // Whether a comparator matches, which is a debug event. Sets the MATCHED bit of those that do.
  bool MatchData(uint32_t address, unsigned size, bool write);
  bool MatchInstruction(uint32_t pc);

 protected:
  uint32_t ReadWord(uint32_t offset) override;
  void WriteWord(uint32_t offset, uint32_t value) override;

 private:
  uint32_t FunctionOf(unsigned comparator) const;
  uint32_t CycleCount() const;
  bool counts() const;
  void Rebase(uint32_t count);

  const SimClock& clock_;
  const DebugState& debug_;
  const std::function<uint32_t()> pc_sample_;
  std::function<void()> changed_;
  bool clocked_ = true;
  bool was_counting_ = false;
  uint64_t since_ = 0;  // when CYCCNT held count_
  uint32_t count_ = 0;
};

}  // namespace probegate::sim
