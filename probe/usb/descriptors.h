// A USB device's descriptors as values (USB 2.0 §9.6, HID 1.11 §6.2.2). Bytes and no I/O.
//
// The bytes come from devices and cannot be trusted: no parser reads beyond its input, and each returns kProbeError,
// with what is wrong, if lengths and counts do not agree.
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
  // Indices of strings; 0 for none.
  uint8_t manufacturer_index = 0;
  uint8_t product_index = 0;
  uint8_t serial_index = 0;
};

enum class TransferKind : uint8_t { kControl, kIsochronous, kBulk, kInterrupt };

struct Endpoint {
  uint8_t address = 0;  // as bEndpointAddress: bit 7 is set if data goes to the host
  TransferKind kind = TransferKind::kBulk;
  uint16_t max_packet = 0;  // bytes

  bool is_in() const { return (address & 0x80) != 0; }
};

// Not a class of its own: in an interface's descriptor it is against the specification, but occurs.
inline constexpr uint8_t kClassNone = 0x00;
inline constexpr uint8_t kClassHid = 0x03;
inline constexpr uint8_t kClassVendor = 0xFF;

// One alternate setting of an interface.
struct Interface {
  uint8_t number = 0;
  uint8_t alternate = 0;
  uint8_t interface_class = 0;
  uint8_t subclass = 0;
  uint8_t protocol = 0;
  uint8_t name_index = 0;  // index of its string; 0 for none
  std::vector<Endpoint> endpoints;
  std::string name;                        // that string; not in the descriptor, so the code that reads it fills it in
  std::vector<uint8_t> report_descriptor;  // of a HID interface, if known without claiming it; filled in likewise
};

struct Configuration {
  uint8_t value = 0;
  std::vector<Interface> interfaces;
};

inline constexpr size_t kDeviceDescriptorSize = 18;

// `bytes` begins with a device descriptor.
absl::StatusOr<DeviceDescriptor> ParseDevice(absl::Span<const uint8_t> bytes);

// Returns the configuration with this value. `bytes` contains configurations one after another, each with all its
// descriptors (USB 2.0 §9.4.3, GetDescriptor).
absl::StatusOr<Configuration> ParseConfiguration(absl::Span<const uint8_t> bytes, uint8_t value);

// The text of a string descriptor, converted from UTF-16 to UTF-8.
absl::StatusOr<std::string> ParseString(absl::Span<const uint8_t> bytes);

// The format of a HID interface's reports.
struct HidReports {
  uint16_t usage_page = 0;  // of its first collection: what the interface is for; 0 if it does not say
  bool numbered = false;    // there are several of a kind, each preceded by its number; their sizes are added up
  size_t input = 0;         // bytes; 0 if there is none
  size_t output = 0;
};
inline constexpr uint16_t kFirstVendorPage = 0xFF00;

// `bytes` is a whole report descriptor.
absl::StatusOr<HidReports> ParseHidReports(absl::Span<const uint8_t> bytes);

}  // namespace probegate::usb
