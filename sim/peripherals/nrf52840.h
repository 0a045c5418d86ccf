// Everything that an nRF52840 has on its bus except memory and the core's own registers: makes the peripherals,
// connects them and maps them.
//
// Threads: the chip's rule, for all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/cpu/interrupt_lines.h"
#include "sim/peripherals/ctrl_ap.h"
#include "sim/peripherals/ficr.h"
#include "sim/peripherals/gpio.h"
#include "sim/peripherals/nvmc.h"
#include "sim/peripherals/power_clock.h"
#include "sim/peripherals/timer.h"
#include "sim/peripherals/uarte.h"
#include "sim/peripherals/unmodelled.h"
#include "sim/target/bus.h"
#include "sim/target/memory.h"
#include "sim/target/reset.h"
#include "sim/target/sim_clock.h"

namespace probegate::sim {

class Nrf52840 : public Resettable {
 public:
  // Parts of the chip, which must outlive this.
  struct Wiring {
    SimClock& clock;
    Bus& bus;
    InterruptLines& interrupts;
    Flash& flash;
    Flash& uicr;
    Ram& ram;
    std::function<bool()> from_flash;           // whether the current access is made by code in flash
    std::function<void(bool held)> hold_reset;  // for the CTRL-AP
  };
  // In which chips differ.
  struct Settings {
    uint64_t seed = 1;                    // determines the identity in FICR
    double flash_speed = 1;               // how many times faster flash is than on the chip
    std::shared_ptr<spdlog::logger> log;  // may be null
    std::string board;                    // prefix of each log message
  };

  // Maps all peripherals on the bus; the caller maps memory and the core's registers.
  Nrf52840(const Wiring& wiring, const Settings& settings);

  void Reset(ResetCause cause) override;

  void TraceTo(Trace* trace) {
    gpio_.TraceTo(trace);
    uarte_.TraceTo(trace);
  }

  CtrlAp& ctrl_ap() { return ctrl_ap_; }
  const CtrlAp& ctrl_ap() const { return ctrl_ap_; }
  Gpio& gpio() { return gpio_; }
  Uarte& uarte() { return uarte_; }
  // As set in CLOCK.TRACECONFIG.
  TracePins trace_pins() const { return power_clock_.trace_pins(); }

 private:
  void MapUnmodelled(Bus& bus, const Settings& settings);

  Ficr ficr_;
  Nvmc nvmc_;
  CtrlAp ctrl_ap_;
  PowerClock power_clock_;
  Gpio gpio_;
  Uarte uarte_;
  std::vector<std::unique_ptr<Timer>> timers_;
  std::vector<std::unique_ptr<Unmodelled>> unmodelled_;
  std::vector<Resettable*> resettables_;
};

}  // namespace probegate::sim
