// Asks a device itself about the reports of a HID interface.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/usb_function.h"
#include "probe/usb/bus.h"

namespace probegate::cmsis_dap {

// Reads the reports' format; the interface must be claimed. Returns nothing if the device refuses to answer,
// kProbeError if its answer is malformed. Takes up to a second.
absl::StatusOr<std::optional<usb::HidReports>> ReadHidReports(usb::Device& device, uint8_t interface);

// The first one of `function` and its `others` whose reports can be CMSIS-DAP's; `function` if none has such reports.
// Each interface is claimed while it is asked, and so taken from the system's driver for a moment.
UsbFunction ChooseHidInterface(usb::Device& device, const UsbFunction& function);

}  // namespace probegate::cmsis_dap
