// One target: the DP at the end of the wire, its AHB-AP, and everything that an nRF52840 has on its bus, with a core
// that executes the code in its memories.
//
// A chip does nothing by itself: it executes during Run, on the caller's thread, and between two runs its registers and
// memories can be read and written.
//
// The chip's rule for threads, which applies to all its parts: one thread at a time, not always the same. Only
// Interrupt may be called from any thread.
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

// How the target is accessed. What it has on its bus is the same for both kinds.
enum class ChipKind : uint8_t {
  kNrf52840,  // ADIv5: a DP of version 1, the AHB-AP at APSEL 0, the CTRL-AP at 1
  kAdiv6,     // a DP of version 3, and an APv2 MEM-AP that a ROM table points to; no access port protection
};

// What some targets do that makes debuggers stumble.
struct TargetQuirks {
  PowerQuirks power;
  CswRule csw = CswRule::kNone;
};

struct ChipSettings {
  ChipKind kind = ChipKind::kNrf52840;
  double flash_speed = 1;               // how many times faster flash is than on the chip
  std::shared_ptr<spdlog::logger> log;  // for accesses to peripherals that are not modelled; may be null
  std::string board;                    // prefix of each log message
  bool wire_time = false;               // simulated time passes with the clock of the wire; see Chip::FollowWire
  OtherTaps other_taps;                 // in the JTAG chain
};

class Chip {
 public:
  static constexpr uint32_t kDpidr = 0x2BA01477;
  static constexpr uint32_t kFlashBase = kFlashArea.base;
  static constexpr uint32_t kFlashSize = kFlashArea.size;
  static constexpr uint32_t kRamBase = 0x20000000;
  static constexpr uint32_t kRamSize = 256 * 1024;

  // `seed` determines the contents of RAM at power-up and of FICR; `contents` is what flash and UICR hold.
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
  // Sends its bytes by SWO.
  TracePort& trace_port() { return trace_port_; }
  // Whether access port protection blocks the MEM-AP.
  bool locked() const { return kind_ == ChipKind::kNrf52840 && parts_.ctrl_ap().locked(); }

  // Executes as Processor::Run does, and also carries out resets that the program requests.
  Processor::End Run(uint64_t until = SimClock::kNever);
  void Interrupt() { processor_.Interrupt(); }
  // To be called when the debug port may have been used: updates what depends on the power of the debug domain.
  void FollowDebugPower();

  // With ChipSettings::wire_time, simulated time passes only with the clock of the wire: a microsecond for each cycle,
  // whatever its frequency. The chip catches up before the DP decides on a request, and when this is called.
  static constexpr uint64_t kCyclesPerWireClock = 64;
  void FollowWire();
  // Lets this much simulated time pass: the core executes if it can, and alarms go off.
  void Advance(uint64_t cycles);

  // The chip loses its power and gets it back: all that remains is flash, UICR and, while nRESET is asserted, the
  // reset. The clock goes on.
  void PowerCycle();

  void set_quirks(const TargetQuirks& quirks);

  // Records events in `trace`, which must outlive the chip, from now on.
  void TraceTo(Trace& trace);

  // From now on, `changed` is called when flash or UICR have changed for whatever reason.
  void OnFlashChange(const FlashChanged& changed);

  // Resets the core and the peripherals, but not the debug port or debug registers.
  void Reset(ResetCause cause);
  // nRESET: holds the chip in such a reset while it is asserted.
  void SetReset(bool asserted) { HoldReset(ResetCause::kPin, asserted); }

 private:
  // Maps the memories; called before anything executes.
  Bus& MapMemory();
  DebugPort MakeDebugPort(bool wire_time);
  void ResetAllButCore(ResetCause cause);
  void OnMemoryChange(Flash& memory, uint32_t base);
  // Two lines can hold the chip in reset; it leaves reset when both release it.
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
  uint64_t wire_clocks_ = 0;  // up to here the chip has caught up with the wire
  FlashChanged flash_changed_;
  Trace* trace_ = nullptr;
  bool held_by_pin_ = false;
  bool held_by_ctrl_ap_ = false;
};

}  // namespace probegate::sim
