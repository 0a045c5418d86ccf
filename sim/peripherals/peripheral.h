// What the peripherals of an nRF52840 have in common: tasks that are started by writing 1, events that are set when
// something happens and cleared by writing 0, and an interrupt line that is high while any enabled event is set
// (nRF52840 PS v1.1, chapter "Peripheral interface").
//
// Every peripheral has its registers at the same offsets: tasks from 0x000, events from 0x100, SHORTS at 0x200, INTEN,
// INTENSET and INTENCLR from 0x300, and its own registers from 0x400. Bit n of INTEN is for the event at 0x100 + 4n.
#pragma once

#include <cstdint>
#include <span>

#include "sim/cpu/interrupt_lines.h"
#include "sim/target/register_block.h"
#include "sim/target/reset.h"

namespace probegate::sim {

class Peripheral : public RegisterBlock, public Resettable {
 public:
  // `events` has a bit, numbered as in INTEN, for each event that exists. `rows` are the registers that are neither
  // tasks nor events. `lines` and the elements of `rows` must outlive it.
  Peripheral(InterruptLines& lines, unsigned irq, uint32_t events, std::span<const RegisterRow> rows);

  void Reset(ResetCause cause) override;

 protected:
  static constexpr uint32_t kShorts = 0x200;

  // The bit of the event at `offset`.
  static constexpr uint32_t EventBit(uint32_t offset) { return 1u << ((offset - 0x100) / 4); }

  // Called when 1 has been written to the task at `offset`.
  virtual void StartTask(uint32_t offset) = 0;
  // The registers of `rows`.
  virtual uint32_t ReadRegister(uint32_t offset) { return word(offset); }
  virtual void WriteRegister(uint32_t offset, uint32_t value) { Keep(offset, value); }
  // Called when the program has cleared the event at `offset`.
  virtual void EventCleared(uint32_t offset) { static_cast<void>(offset); }

  // Sets the event at `offset`.
  void Raise(uint32_t offset);
  bool raised(uint32_t offset) const { return (raised_ & EventBit(offset)) != 0; }

 private:
  uint32_t ReadWord(uint32_t offset) final;
  void WriteWord(uint32_t offset, uint32_t value) final;
  uint32_t OtherLanes(uint32_t offset) final;
  void SetEnabled(uint32_t enabled);
  void DriveLine() { lines_.Set(irq_, (raised_ & enabled_) != 0); }

  InterruptLines& lines_;
  const unsigned irq_;
  const uint32_t events_;
  const std::span<const RegisterRow> rows_;
  uint32_t raised_ = 0;
  uint32_t enabled_ = 0;
};

}  // namespace probegate::sim
