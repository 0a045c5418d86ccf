#include "sim/cmsis_dap/probe_pins.h"

namespace probegate::sim {

void ProbePins::Connect(Port port) {
  port_ = port;
  LetAllBeHigh();
}

void ProbePins::Disconnect() {
  LetAllBeHigh();
  port_ = Port::kNone;
}

void ProbePins::LetAllBeHigh() {
  swclk_ = swdio_ = tdi_ = true;
  SetReset(false);
}

void ProbePins::PowerOff() {
  Disconnect();
  clock_hz_ = kDefaultClockHz;
}

void ProbePins::ClockSwj(bool level) {
  if (!connected()) return;
  swdio_ = level;
  if (port_ == Port::kJtag) {
    chip_.pins().ClockJtag(level, tdi_);
  } else {
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
  if (!connected()) return;
  if (level && !swclk_) ClockSwj(swdio_);
  swclk_ = level;
}

void ProbePins::DriveSwdio(bool level) {
  if (connected()) swdio_ = level;
}

void ProbePins::DriveTdi(bool level) {
  if (connected()) tdi_ = level;
}

void ProbePins::DriveReset(bool asserted) {
  if (connected() && reset_driven_) SetReset(asserted);
}

void ProbePins::set_reset_driven(bool driven) {
  reset_driven_ = driven;
  if (!driven) SetReset(false);
}

void ProbePins::SetReset(bool asserted) {
  reset_asserted_ = asserted;
  chip_.SetReset(asserted);
}

}  // namespace probegate::sim
