// A device that libusb has opened: its interfaces, and the transfers of its endpoints. libusb_bus.h finds the devices.
#pragma once

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "probe/usb/bus.h"

struct libusb_device_handle;

namespace probegate::usb {

// Translates the return value of a libusb function to an error of bus.h; OK if it is not an error.
absl::Status TranslateLibusb(int error);

// Takes ownership of `handle`, which is closed when the device is destroyed. `context` is kept until then; its thread
// must handle libusb's events, or transfers do not complete. `gone` turns true when the bus notices that the device was
// unplugged.
std::unique_ptr<Device> TakeLibusbDevice(std::shared_ptr<const void> context, libusb_device_handle* handle,
                                         std::shared_ptr<const std::atomic<bool>> gone);

}  // namespace probegate::usb
