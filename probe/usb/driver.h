// How a kind of debug probe is found among USB devices. Each kind is a Driver; who has a list of them knows no kind.
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

// A debug probe that is in a device; a device may have several.
struct Function {
  using Opener =
      std::function<absl::StatusOr<std::unique_ptr<Probe>>(std::unique_ptr<Device> device, const ProbeInfo& known)>;

  uint8_t interface = 0;  // the number of its interface
  absl::Status problem;   // why it cannot be used, whatever is tried
  // Makes the probe of its open device. `known`: its unique id, and the names that USB has for it, where these are not
  // empty; they take the place of what the probe itself says. Blocks for some seconds at most.
  Opener open;
};

// The probes in a device of which all is known. Does not wait.
using Driver = std::function<std::vector<Function>(const DeviceInfo& device)>;

}  // namespace probegate::usb
