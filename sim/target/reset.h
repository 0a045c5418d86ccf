// The causes of a chip's resets, and the interface of the parts that are reset.
#pragma once

#include <cstdint>

namespace probegate::sim {

enum class ResetCause : uint8_t {
  kPowerOn,
  kPin,      // nRESET
  kRequest,  // AIRCR.SYSRESETREQ
  kVector,   // AIRCR.VECTRESET: resets only the core, no peripherals
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

// A peripheral that can be reset: its registers return to their reset values, its interrupt line becomes low, and its
// alarms are cleared. Called by the chip before the core leaves reset.
class Resettable {
 public:
  virtual ~Resettable() = default;
  virtual void Reset(ResetCause cause) = 0;
};

}  // namespace probegate::sim
