// Chooses the unique IDs of probes on USB.
//
// A probe's ID is its device's serial number. If that is missing or not unique, the place where the device is plugged
// in is added, and the ID stays the same for as long as the device is plugged in there:
//
//   7A22            the serial number
//   7A22@1-4.2      two devices with this serial number were plugged in at the same time: bus and ports
//   0d28:0204@1-4.2 no serial number: vendor, product, bus and ports
//   …-if2           one of several probes in one device: the number of its interface
//
// Threads: one at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "probe/usb/bus.h"

namespace probegate {

class UsbNames {
 public:
  // Notes `devices`, all the devices with probes that are plugged in now. If two of them have the same serial number,
  // that number alone is never used again, even after one of them is unplugged: an ID must not pass from one board to
  // another.
  void See(const std::vector<const usb::DeviceInfo*>& devices);

  // The unique ID of the probe at `interface`. `several`: the device has more than one probe.
  std::string UniqueId(const usb::DeviceInfo& device, uint8_t interface, bool several) const;

 private:
  std::set<std::string> shared_;
};

}  // namespace probegate
