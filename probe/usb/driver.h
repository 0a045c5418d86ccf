// How one kind of debug probe is found among USB devices. Each kind is a Driver; the code that uses the list of drivers
// does not know the kinds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probe/probe.h"
#include "probe/usb/bus.h"

namespace probegate::usb {

// A debug probe in a device. A device may contain several.
struct Function {
  using Opener =
      std::function<absl::StatusOr<std::unique_ptr<Probe>>(std::unique_ptr<Device> device, const ProbeInfo& known)>;

  uint8_t interface = 0;  // its interface's number
  // What its settings say: the settings themselves, their labels, and, if not empty, a unique ID that replaces the
  // device's serial number.
  ProbeInfo known;
  absl::Status problem;  // why it cannot be used at all
  // Makes the probe from its open device. `known` has its unique ID and its names from USB. Those that are not empty
  // replace what the probe itself reports. Blocks for some seconds at most.
  Opener open;
};

// What a driver finds in a device.
struct Finding {
  std::vector<Function> functions;
  // If there are none: why the device is not served although it is of this driver's kind, or a setting says so; empty
  // if the device is of another kind.
  std::string unserved;
};

// Looks for probes in a device about which everything is known. Does not wait.
using Driver = std::function<Finding(const DeviceInfo& device)>;

}  // namespace probegate::usb
