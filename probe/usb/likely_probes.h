// Devices that people take for debug probes, so that a server which serves none of them can say why.
#pragma once

#include <string>

#include "probe/usb/bus.h"

namespace probegate::usb {

// Why a device in which no driver found a probe, but which looks like one, is not served, and what helps. Empty if the
// device does not look like a probe, as far as vendor, product and names say.
std::string WhyNotServed(const DeviceInfo& device);

}  // namespace probegate::usb
