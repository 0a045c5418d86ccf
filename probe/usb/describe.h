// Finds out what a device is: from the system's files, and from the device itself for what is not in them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "probe/usb/bus.h"

namespace probegate::usb {

// Whether more may become known about a device.
enum class Outlook : uint8_t {
  kFinal,         // nothing will change
  kMayBeTold,     // the system or the device may later report what is missing now
  kUnconfigured,  // the device may be given a configuration, at any time
};

// Fills in `info` from its `path` and `node`, except `plug`. `open` opens the device; it is called only for a device
// that may be a probe and whose strings the system does not report. `patient`: if the system has not created all its
// files yet, sets `settled` to false, so that the caller tries again; otherwise the files that exist must do, and if
// they do not, sets `problem`.
Outlook Describe(DeviceInfo& info, bool patient, const std::function<absl::StatusOr<std::unique_ptr<Device>>()>& open);

}  // namespace probegate::usb
