// By which unique ids probes on USB are known.
//
// A probe is known by its device's serial number. Where that cannot tell it from another, its place says which it is,
// and stays what it says for as long as the probe is plugged in there:
//   7A22            the serial number
//   7A22@1-4.2      two devices with this number were plugged in at the same time: bus and ports
//   0d28:0204@1-4.2 no serial number: vendor, product, bus and ports
//   …-if2           one of several probes in one device: the number of its interface
// Threads: one at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "probe/usb/bus.h"

namespace probegate {

class UsbNames {
 public:
  // `devices`: all with probes that are plugged in now. A serial number that two of them have is never enough again,
  // also when one has gone: a name must not pass from one board to another.
  void See(const std::vector<const usb::DeviceInfo*>& devices);

  // The unique id of the probe at `interface`; `several`: the device has others.
  std::string UniqueId(const usb::DeviceInfo& device, uint8_t interface, bool several) const;

 private:
  std::set<std::string> shared_;
};

}  // namespace probegate
