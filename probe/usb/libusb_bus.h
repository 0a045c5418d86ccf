// The USB bus, implemented with libusb 1.0. Changes are noticed by libusb's hot-plug events if the platform has them,
// otherwise by listing the devices twice a second.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "probe/usb/bus.h"

namespace probegate::usb {

// A BusOpener (probe/usb/bus.h). Starts a thread, which ends once the bus and everything opened through it are
// destroyed. kUnsupported if this system has no USB.
absl::StatusOr<std::unique_ptr<Bus>> OpenLibusb(std::function<void()> on_change);

}  // namespace probegate::usb
