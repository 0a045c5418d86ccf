// A device's descriptors, according to chapter 9 of USB 2.0 and the class documents: HID 1.11, CDC 1.2 (PSTN 1.2), Mass
// Storage Bulk-Only 1.0, and for CMSIS-DAP its manual's page on configuring the firmware for USB.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/usbemu/bytes.h"
#include "tests/usbemu/device_spec.h"

namespace probegate::usbemu {

struct Endpoint {
  uint8_t address = 0;  // bit 7: IN
  uint8_t attributes = 0;
  unsigned max_packet = 0;
};

struct Interface {
  uint8_t number = 0;
  Function function = Function::kDapBulk;
  std::string name;
  std::string driver;  // the kernel driver that claims it; empty if none does
  uint8_t interface_class = 0;
  uint8_t subclass = 0;
  uint8_t protocol = 0;
  std::vector<Endpoint> endpoints;
  Bytes report;              // the report descriptor of a HID interface
  unsigned report_size = 0;  // in bytes, in each direction
};

struct Descriptors {
  Bytes device;
  Bytes configuration;                // including the descriptors in it
  std::map<uint8_t, Bytes> strings;   // by index; 0 is the list of languages
  std::vector<Interface> interfaces;  // the same information as in the bytes, unless these are malformed
};

inline constexpr uint8_t kDescriptorDevice = 1;
inline constexpr uint8_t kDescriptorConfiguration = 2;
inline constexpr uint8_t kDescriptorString = 3;
inline constexpr uint8_t kDescriptorReport = 0x22;

inline constexpr uint8_t kEndpointBulk = 2;
inline constexpr uint8_t kEndpointInterrupt = 3;

// The spec's serial number must be filled in (with the board's own, if none was given).
Descriptors MakeDescriptors(const DeviceSpec& spec, Speed speed);

// The descriptors of the bus' root hub, which has no function.
Descriptors MakeHubDescriptors();

}  // namespace probegate::usbemu
