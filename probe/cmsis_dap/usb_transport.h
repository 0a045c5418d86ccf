// The USB transport: a CMSIS-DAP interface of a USB device, version 2 (bulk) or version 1 (HID reports).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "probe/cmsis_dap/probe_settings.h"
#include "probe/cmsis_dap/transport.h"
#include "probe/cmsis_dap/usb_function.h"
#include "probe/usb/bus.h"
#include "probe/usb/driver.h"

namespace probegate::cmsis_dap {

// Claims the interface, discards what an earlier user left unread, then asks for the packet size, because reads must
// have that size; `packet_size`, if it is given and usable, is taken instead of the answer. A device that does not say
// a size is taken to have the usual one. `name` is the device's name for messages. Takes up to two seconds. Errors: as
// usb::Device::TakeInterface; kProbeError if the device does not answer, or its reports cannot be used.
absl::StatusOr<std::unique_ptr<Transport>> OpenUsb(std::unique_ptr<usb::Device> device, const UsbFunction& function,
                                                   const std::string& name,
                                                   std::optional<size_t> packet_size = std::nullopt);

// Wraps a new transport, e.g. to record its packets (probe/cmsis_dap/recording_transport.h).
using TransportWrapper =
    std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport> transport, const std::string& name)>;

// Finds CMSIS-DAP probes on USB, and opens them with the settings that `rules` have for them. A rule's `uid` may be any
// name that a device's probes can have (server/catalog/usb_names.h).
usb::Driver UsbDriver(TransportWrapper wrap, ProbeRules rules);

}  // namespace probegate::cmsis_dap
