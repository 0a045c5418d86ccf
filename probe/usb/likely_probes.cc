#include "probe/usb/likely_probes.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/ignoring_case.h"

namespace probegate::usb {
namespace {

// Probes of other kinds, by vendor and product.
struct KindRow {
  uint16_t vendor;
  uint16_t first_product, last_product;
  const char* what;  // and what to do, if anything helps
};
constexpr KindRow kKinds[] = {
    {0x0483, 0x3744, 0x3757, "it is an ST-Link, which has a protocol of its own"},
    {0x1366, 0x0000, 0xFFFF, "it is a J-Link, which has a protocol of its own"},
    {0x1A86, 0x8010, 0x8010, "it is a WCH-Link in RISC-V mode; switch it to its Arm mode, which is CMSIS-DAP"},
    {0x1CBE, 0x00FD, 0x00FD, "it is a TI Stellaris ICDI, which has a protocol of its own"},
    {0x1D50, 0x6018, 0x6018, "it is a Black Magic Probe, which has a GDB server of its own"},
    {0x2E8A, 0x0004, 0x0004, "it is a Picoprobe with a protocol of its own; install debugprobe, which is CMSIS-DAP"},
    {0x303A, 0x1001, 0x1001, "it is the JTAG adapter in an Espressif chip, which has a protocol of its own"},
};

// What the names of probes contain.
constexpr const char* kNames[] = {"CMSIS",   "DAPLink", "debug",     "JTAG",        "SWD",       "J-Link",
                                  "ST-Link", "STLink",  "picoprobe", "black magic", "programmer"};

// The first of the device's names that sounds like a probe's; empty if there is none.
std::string TellingName(const DeviceInfo& device) {
  const auto tells = [](const std::string& name) {
    return std::any_of(std::begin(kNames), std::end(kNames),
                       [&name](const char* part) { return ContainsIgnoringCase(name, part); });
  };
  if (tells(device.product)) return device.product;
  for (const Interface& interface : device.configuration.interfaces) {
    if (tells(interface.name)) return interface.name;
  }
  return {};
}

}  // namespace

std::string WhyNotServed(const DeviceInfo& device) {
  const uint16_t vendor = device.descriptor.vendor_id;
  const uint16_t product = device.descriptor.product_id;
  for (const KindRow& row : kKinds) {
    if (row.vendor == vendor && row.first_product <= product && product <= row.last_product) return row.what;
  }
  const std::string name = TellingName(device);
  if (name.empty()) return {};
  return absl::StrCat("it is called ", name, ", like a probe, but none of its names contains CMSIS-DAP; if it speaks ",
                      "CMSIS-DAP, add an entry with match: {usb: \"", absl::StrFormat("%04x:%04x", vendor, product),
                      "\"} under probes: in the configuration file");
}

}  // namespace probegate::usb
