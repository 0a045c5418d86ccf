// What a USB device says of itself, as values (USB 2.0 §9.6, HID 1.11 §6.2.2). Bytes and no I/O.
//
// Bytes come from devices, which may say anything: no parser reads beyond what it is given, and each answers
// kProbeError with what is wrong where lengths and counts do not fit together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace probegate::usb {

struct DeviceDescriptor {
  uint16_t vendor_id = 0;
  uint16_t product_id = 0;
  uint16_t version = 0;  // bcdDevice
  // Numbers of strings; 0 for none.
  uint8_t manufacturer_index = 0;
  uint8_t product_index = 0;
  uint8_t serial_index = 0;
};

enum class TransferKind : uint8_t { kControl, kIsochronous, kBulk, kInterrupt };

struct Endpoint {
  uint8_t address = 0;  // as bEndpointAddress: bit 7 is set where it leads to the host
  TransferKind kind = TransferKind::kBulk;
  uint16_t max_packet = 0;  // bytes

  bool is_in() const { return (address & 0x80) != 0; }
};

inline constexpr uint8_t kClassHid = 0x03;
inline constexpr uint8_t kClassVendor = 0xFF;

// One alternate setting of an interface.
struct Interface {
  uint8_t number = 0;
  uint8_t alternate = 0;
  uint8_t interface_class = 0;
  uint8_t subclass = 0;
  uint8_t protocol = 0;
  uint8_t name_index = 0;  // number of its string; 0 for none
  std::vector<Endpoint> endpoints;
  std::string name;                        // that string: not the descriptor's, filled in by who has read it
  std::vector<uint8_t> report_descriptor;  // of a HID interface, where it is known without taking it: likewise
};

struct Configuration {
  uint8_t value = 0;
  std::vector<Interface> interfaces;
};

inline constexpr size_t kDeviceDescriptorSize = 18;

// `bytes` begins with a device descriptor.
absl::StatusOr<DeviceDescriptor> ParseDevice(absl::Span<const uint8_t> bytes);

// `bytes` holds configurations one behind the other, each with all that belongs to it (USB 2.0 §9.4.3, GetDescriptor).
// The one of this value.
absl::StatusOr<Configuration> ParseConfiguration(absl::Span<const uint8_t> bytes, uint8_t value);

// A string descriptor, which holds UTF-16, as UTF-8.
absl::StatusOr<std::string> ParseString(absl::Span<const uint8_t> bytes);

// What a HID interface's reports are.
struct HidReports {
  uint16_t usage_page = 0;  // of its first collection: what the interface is for; 0 where it does not say
  bool numbered = false;    // there are several of a kind, each behind its number; their sizes are added up
  size_t input = 0;         // bytes; 0 where there is none
  size_t output = 0;
};
inline constexpr uint16_t kFirstVendorPage = 0xFF00;

// `bytes` is a whole report descriptor.
absl::StatusOr<HidReports> ParseHidReports(absl::Span<const uint8_t> bytes);

}  // namespace probegate::usb
