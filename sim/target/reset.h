// What resets a chip, and what is reset with it.
#pragma once

#include <cstdint>

namespace probegate::sim {

enum class ResetCause : uint8_t {
  kPowerOn,
  kPin,      // nRESET
  kRequest,  // AIRCR.SYSRESETREQ
  kVector,   // AIRCR.VECTRESET: the core alone, no peripheral hears of it
  kCtrlAp,
};

constexpr const char* NameOf(ResetCause cause) {
  switch (cause) {
    case ResetCause::kPowerOn:
      return "power-on";
    case ResetCause::kPin:
      return "pin";
    case ResetCause::kRequest:
      return "request";
    case ResetCause::kVector:
      return "vector";
    case ResetCause::kCtrlAp:
      return "ctrl-ap";
  }
  return "";
}

// A peripheral whose registers go back to their reset values. Called by the chip before the core leaves its reset; a
// line that the peripheral drives is to be low afterwards. Alarms are the peripheral's own to clear.
class Resettable {
 public:
  virtual ~Resettable() = default;
  virtual void Reset(ResetCause cause) = 0;
};

}  // namespace probegate::sim
