// The section `probes:` of the server's configuration file, a list of rules for single probes (docs/hardware.md):
//
//   probes:
//     - match: {usb: "2e8a:000c"}      # and/or uid, product
//       packet-count: 1
//       labels: {rack: left}
#pragma once

#include <vector>

#include "probe/cmsis_dap/probe_settings.h"

namespace YAML {
class Node;
}

namespace probegate {

// Throws InvalidSection (config/arguments.h), with the line, if the list is invalid.
std::vector<cmsis_dap::ProbeRule> ReadProbeRules(const YAML::Node& probes);

}  // namespace probegate
