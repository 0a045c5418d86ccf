// Finds out what a device is: by the system's files, and by asking the device for what is not in them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "probe/usb/bus.h"

namespace probegate::usb {

// What may still become of what is known of a device.
enum class Outlook : uint8_t {
  kFinal,         // nothing
  kMayBeTold,     // the system, or the device, may tell what it does not tell now
  kUnconfigured,  // the device may be given a configuration, at any time
};

// Fills all of `info` but `plug` from its `path` and `node`. `open` opens the device, and is called only for one that
// may be a probe and whose strings the system does not tell. `patient`: what the system has not made yet is waited for
// (`settled` is false); else what there is must do, and where it does not there is a `problem`.
Outlook Describe(DeviceInfo& info, bool patient, const std::function<absl::StatusOr<std::unique_ptr<Device>>()>& open);

}  // namespace probegate::usb
