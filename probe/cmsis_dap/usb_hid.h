// What a device itself tells of the reports of a HID interface.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/usb_function.h"
#include "probe/usb/bus.h"

namespace probegate::cmsis_dap {

// Of an interface that is claimed. Nothing where the device refuses to tell; kProbeError where what it tells makes no
// sense. Up to a second.
absl::StatusOr<std::optional<usb::HidReports>> ReadHidReports(usb::Device& device, uint8_t interface);

// The first of `function` and its others whose reports can be CMSIS-DAP's; `function` where none says so. Each that is
// asked is claimed meanwhile, and so taken from the system's driver for a moment.
UsbFunction ChooseHidInterface(usb::Device& device, const UsbFunction& function);

}  // namespace probegate::cmsis_dap
