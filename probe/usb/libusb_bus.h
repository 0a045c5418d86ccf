// The bus by libusb 1.0: its one user. Hot-plug is libusb's where the platform has that; else devices are looked for
// twice a second.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "probe/usb/bus.h"

namespace probegate::usb {

// A BusOpener (probe/usb/bus.h). Starts a thread, which ends with the bus and all that was opened by it.
// kUnsupported where this system has no USB.
absl::StatusOr<std::unique_ptr<Bus>> OpenLibusb(std::function<void()> on_change);

}  // namespace probegate::usb
