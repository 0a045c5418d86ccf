#include "sim/cmsis_dap/probe_pins.h"

namespace probegate::sim {

void ProbePins::Connect(Port port) {
  port_ = port;
  tdi_ = true;
}

void ProbePins::Disconnect() {
  port_ = Port::kNone;
  DriveReset(false);
}

void ProbePins::PowerOff() {
  Disconnect();
  clock_hz_ = kDefaultClockHz;
}

void ProbePins::ClockSwj(bool level) {
  swdio_ = level;
  if (port_ == Port::kJtag) {
    chip_.pins().ClockJtag(level, tdi_);
  } else if (port_ == Port::kSwd) {
    chip_.pins().Clock(true, level);
  }
}

bool ProbePins::ClockJtag(bool tms, bool tdi) {
  if (port_ != Port::kJtag) return true;
  swdio_ = tms;
  tdi_ = tdi;
  return chip_.pins().ClockJtag(tms, tdi);
}

void ProbePins::DriveSwclk(bool level) {
  if (level && !swclk_) ClockSwj(swdio_);
  swclk_ = level;
}

void ProbePins::DriveReset(bool asserted) {
  reset_asserted_ = asserted;
  chip_.SetReset(asserted);
}

}  // namespace probegate::sim
