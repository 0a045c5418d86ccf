// One target: the DP at the end of the wire, the AHB-AP behind it, and what an nRF52840 has on that bus, with a core
// that executes what is in its memories.
//
// A chip does nothing by itself: it executes in Run, on the thread that calls it, and between two runs its registers
// and memories can be read and written. The chip's rule for threads: one at a time, not always the same; Interrupt from
// any.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/cpu/processor.h"
#include "sim/debug/core_debug.h"
#include "sim/debug/instrumentation_trace.h"
#include "sim/debug/trace_port.h"
#include "sim/image/flash_contents.h"
#include "sim/peripherals/nrf52840.h"
#include "sim/swd/debug_port.h"
#include "sim/swd/swj_dp.h"
#include "sim/target/adiv6_bus.h"
#include "sim/target/bus.h"
#include "sim/target/components.h"
#include "sim/target/mem_ap.h"
#include "sim/target/memory.h"
#include "sim/target/reset.h"
#include "sim/target/sim_clock.h"
#include "sim/target/system_control.h"
#include "sim/trace.h"

namespace probegate::sim {

// How the target is reached. What it has on its bus is the same.
enum class ChipKind : uint8_t {
  kNrf52840,  // ADIv5: a DP of version 1, the AHB-AP at APSEL 0, the CTRL-AP at 1
  kAdiv6,     // a DP of version 3, and an APv2 MEM-AP that a ROM table leads to; no access port protection
};

struct ChipSettings {
  ChipKind kind = ChipKind::kNrf52840;
  double flash_speed = 1;               // by how much faster flash is than the real one
  std::shared_ptr<spdlog::logger> log;  // of accesses to what is not modelled; may be null
  std::string board;                    // begins each line of the log
  bool wire_time = false;               // time passes with the clock of the wire; see Chip::FollowWire
};

class Chip {
 public:
  static constexpr uint32_t kDpidr = 0x2BA01477;
  static constexpr uint32_t kFlashBase = kFlashArea.base;
  static constexpr uint32_t kFlashSize = kFlashArea.size;
  static constexpr uint32_t kRamBase = 0x20000000;
  static constexpr uint32_t kRamSize = 256 * 1024;

  // `seed` chooses what RAM holds at power-up and what FICR says, `contents` is what flash and UICR hold.
  explicit Chip(uint64_t seed, const FlashContents& contents = {}, const ChipSettings& settings = {});
  Chip(const Chip&) = delete;
  Chip& operator=(const Chip&) = delete;

  SwjDp& pins() { return pins_; }
  DebugPort& debug_port() { return debug_port_; }
  Bus& bus() { return bus_; }
  SimClock& clock() { return clock_; }
  const SimClock& clock() const { return clock_; }
  Processor& processor() { return processor_; }
  const Processor& processor() const { return processor_; }
  Nrf52840& parts() { return parts_; }
  // Whose bytes leave by SWO.
  TracePort& trace_port() { return trace_port_; }
  // Whether access port protection shuts the MEM-AP.
  bool locked() const { return kind_ == ChipKind::kNrf52840 && parts_.ctrl_ap().locked(); }

  // Executes as Processor::Run does. Resets that the program asks for are done on the way.
  Processor::End Run(uint64_t until = SimClock::kNever);
  void Interrupt() { processor_.Interrupt(); }
  // The debug port may have been used: what depends on the debug domain's power follows it.
  void FollowDebugPower();

  // With ChipSettings::wire_time nothing but the wire makes time pass: a microsecond for each cycle of its clock,
  // whatever its frequency. The chip catches up before the DP decides on a request; and here.
  static constexpr uint64_t kCyclesPerWireClock = 64;
  void FollowWire();
  // So much of simulated time passes: what can execute does, and alarms go off.
  void Advance(uint64_t cycles);

  // `trace`, which must outlive it, is told from now on what happens.
  void TraceTo(Trace& trace);

  // From now on `changed` is called when flash or UICR have changed, by whoever changed them.
  void OnFlashChange(const FlashChanged& changed);

  // Resets core and peripherals, not the debug port nor what belongs to debug.
  void Reset(ResetCause cause);
  // nRESET: such a reset for as long as it is asserted.
  void SetReset(bool asserted) { HoldReset(ResetCause::kPin, asserted); }

 private:
  // Maps the memories, before anything executes.
  Bus& MapMemory();
  DebugPort MakeDebugPort();
  void ResetAround(ResetCause cause);
  void OnMemoryChange(Flash& memory, uint32_t base);
  // Of the two lines that hold the chip in reset each has to let it go.
  void HoldReset(ResetCause cause, bool held);

  const ChipKind kind_;
  Flash flash_;
  Flash uicr_;
  Ram ram_;
  Bus bus_;
  SimClock clock_;
  Processor processor_;
  CoreDebug core_debug_;
  SystemControl system_control_;
  Nrf52840 parts_;
  InstrumentationTrace itm_;
  TracePort trace_port_;
  std::vector<std::unique_ptr<Component>> components_;
  MemAp ahb_ap_;
  std::array<AccessPort*, 2> access_ports_;
  Adiv6Bus adiv6_bus_;
  DebugPort debug_port_;
  SwjDp pins_;
  const bool wire_time_;
  uint64_t wire_clocks_ = 0;  // that the chip has caught up with
  FlashChanged flash_changed_;
  Trace* trace_ = nullptr;
  bool held_by_pin_ = false;
  bool held_by_ctrl_ap_ = false;
};

}  // namespace probegate::sim
