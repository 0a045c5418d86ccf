// A device that libusb has opened: its interfaces, and the transfers of its endpoints. Which devices there are is
// libusb_bus.h's.
#pragma once

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "probe/usb/bus.h"

struct libusb_device_handle;

namespace probegate::usb {

// What libusb's functions return, as bus.h has errors. OK for what is no error.
absl::Status TranslateLibusb(int error);

// Takes `handle`, which is closed with the device. `context` is kept until then: a thread of its must see to libusb's
// events, or transfers do not end. `gone` turns true when the device is unplugged, where that is noticed otherwise than
// by an error.
std::unique_ptr<Device> TakeLibusbDevice(std::shared_ptr<const void> context, libusb_device_handle* handle,
                                         std::shared_ptr<const std::atomic<bool>> gone);

}  // namespace probegate::usb
