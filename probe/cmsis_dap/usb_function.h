// Which interfaces of a USB device speak CMSIS-DAP (Arm, CMSIS-DAP 2.1, "Configure USB").
//
// Version 2: an interface of the vendor-specific class whose string contains "CMSIS-DAP", with bulk endpoints in this
// order: out, in, and one more in if there is SWO. Version 1: a HID interface without a boot protocol, with an
// interrupt endpoint in and perhaps one out; its own string or the product's contains "CMSIS-DAP". A keyboard in the
// same device may have such a string, too, so the interface's reports decide: they must be vendor-defined (a usage page
// from 0xFF00 on) and as long as packets. If a device has both versions, version 2 is used: it is faster, and both are
// the same probe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "probe/usb/bus.h"

namespace probegate::cmsis_dap {

struct UsbFunction {
  bool hid = false;  // version 1
  uint8_t interface = 0;
  usb::Endpoint in;
  std::optional<usb::Endpoint> out;  // if empty, requests are SET_REPORT on the control endpoint (version 1 only)
  std::optional<usb::Endpoint> swo;
  absl::Status problem;  // kProbeError if it claims to be CMSIS-DAP but is not built like it
  // Version 1: other interfaces that may be the right one instead, because the system does not know their reports. The
  // device itself does (probe/cmsis_dap/usb_hid.h).
  std::vector<UsbFunction> others;
};

// OK if the reports can be CMSIS-DAP's; otherwise kProbeError with the reason. Reports without a usage page are
// accepted.
absl::Status CheckHidReports(uint8_t interface, const usb::HidReports& reports);

// Returns the functions in the order of their interfaces' numbers.
std::vector<UsbFunction> FindUsbFunctions(const usb::DeviceInfo& device);

}  // namespace probegate::cmsis_dap
