// Which interfaces of a USB device speak CMSIS-DAP (Arm, CMSIS-DAP 2.1, "Configure USB").
//
// A device is CMSIS-DAP if the name of an interface or of the product contains "CMSIS-DAP" or "CMSIS_DAP" in any case,
// or if a setting says so. This is what pyOCD, OpenOCD and probe-rs recognise between them.
//
// Version 2: an interface of the vendor-specific class with bulk endpoints in this order: out, in, and one more in if
// there is SWO. Version 1: a HID interface without a boot protocol, with an interrupt endpoint in and perhaps one out.
// A keyboard in the same device may have such a name, too, so the interface's reports decide: they must be
// vendor-defined (a usage page from 0xFF00 on) and as long as packets.
//
// An interface that has the name itself is preferred to one that does not, because a device of which only the product
// has the name may have other interfaces for other purposes. Among equals, version 2 is used: it is faster, and both
// versions of a device are the same probe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "probe/usb/bus.h"

namespace probegate::cmsis_dap {

enum class DapVersion : uint8_t { kV1, kV2 };

// What the settings say about a device, whatever its descriptors say.
struct UsbChoice {
  bool is_probe = false;              // it is CMSIS-DAP, whatever its names
  std::optional<DapVersion> version;  // the only version to look for
};

struct UsbFunction {
  bool hid = false;  // version 1; otherwise version 2
  uint8_t interface = 0;
  usb::Endpoint in;
  std::optional<usb::Endpoint> out;  // if empty, requests are SET_REPORT on the control endpoint (version 1 only)
  std::optional<usb::Endpoint> swo;
  absl::Status problem;  // kProbeError if it claims to be CMSIS-DAP but cannot be
  // Version 1: other interfaces that may be the right one instead, because the system does not know their reports. The
  // device itself does (probe/cmsis_dap/usb_hid.h).
  std::vector<UsbFunction> others;
};

// OK if the reports can be CMSIS-DAP's; otherwise kProbeError with the reason. Reports without a usage page are
// accepted.
absl::Status CheckHidReports(uint8_t interface, const usb::HidReports& reports);

// Whether the device has the name, in its product's or in an interface's.
bool IsNamedCmsisDap(const usb::DeviceInfo& device);

// Returns the functions in the order of their interfaces' numbers.
std::vector<UsbFunction> FindUsbFunctions(const usb::DeviceInfo& device, const UsbChoice& choice = {});

}  // namespace probegate::cmsis_dap
