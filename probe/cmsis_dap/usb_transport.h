// The USB transport: a CMSIS-DAP device behind an interface of its own, version 2 (bulk) or version 1 (HID reports).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/transport.h"
#include "probe/cmsis_dap/usb_function.h"
#include "probe/usb/bus.h"
#include "probe/usb/driver.h"

namespace probegate::cmsis_dap {

// Claims the interface and throws away what an earlier user left unread, then asks how large packets are: a read must
// be of that size. `name` is the device's, for messages. Up to two seconds.
// Errors: as usb::Device::TakeInterface; kProbeError where it does not answer, or its packets are of no use.
absl::StatusOr<std::unique_ptr<Transport>> OpenUsb(std::unique_ptr<usb::Device> device, const UsbFunction& function,
                                                   const std::string& name);

// What goes around a new transport, e.g. to record what it carries (probe/cmsis_dap/recording_transport.h).
using TransportWrapper =
    std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport> transport, const std::string& name)>;

// Finds CMSIS-DAP probes on USB.
usb::Driver UsbDriver(TransportWrapper wrap);

}  // namespace probegate::cmsis_dap
