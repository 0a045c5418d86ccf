// Which interfaces of a USB device speak CMSIS-DAP (Arm, CMSIS-DAP 2.1, "Configure USB").
//
// Version 2: an interface of the vendor's own class whose string holds "CMSIS-DAP", with bulk endpoints in this order:
// out, in, and where there is SWO one more in. Version 1: a HID interface without a boot protocol, with an interrupt
// endpoint in and perhaps one out; its own string or the product's holds "CMSIS-DAP". A keyboard beside it may have
// such a string too, so what counts then is what the reports are for: a vendor's own (a usage page from 0xFF00 on), and
// as long as packets. Where a device has both versions, 2 is meant: it is the faster one, and both are the same probe.
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
  std::optional<usb::Endpoint> out;  // nothing: requests are SET_REPORT on the control endpoint (version 1 only)
  std::optional<usb::Endpoint> swo;
  absl::Status problem;  // kProbeError where it says it is one, and is not made like one
  // Version 1: other interfaces that may be meant instead, since the system does not tell what their reports are. The
  // device does (probe/cmsis_dap/usb_hid.h).
  std::vector<UsbFunction> others;
};

// OK where reports can be CMSIS-DAP's; else kProbeError, and why not. One that does not say what it is for may be.
absl::Status CheckHidReports(uint8_t interface, const usb::HidReports& reports);

// In the order of their interfaces' numbers.
std::vector<UsbFunction> FindUsbFunctions(const usb::DeviceInfo& device);

}  // namespace probegate::cmsis_dap
