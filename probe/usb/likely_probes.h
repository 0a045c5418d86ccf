// USB devices that users would expect to be served, because they look like debug probes, and why they are not.
#pragma once

#include <string>

#include "probe/usb/bus.h"

namespace probegate::usb {

// Why a device that looks like a probe, but in which no driver found one, is not served, and what helps. Empty if
// neither its vendor and product nor its names look like a probe's.
std::string WhyNotServed(const DeviceInfo& device);

}  // namespace probegate::usb
