#include "tests/usbemu/malformations.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace probegate::usbemu {
namespace {

constexpr size_t kTotalLength = 2;          // of a configuration descriptor
constexpr size_t kInterfaceCount = 4;       // "
constexpr size_t kFirstInterface = 9;       // in a configuration
constexpr size_t kEndpointCount = 4;        // of an interface descriptor
constexpr size_t kMaxPacketSize = 4;        // of an endpoint descriptor
constexpr size_t kConfigurationCount = 17;  // of a device descriptor

void AddToTotalLength(Descriptors& descriptors, int more) {
  Bytes& bytes = descriptors.configuration;
  const int length = (bytes[kTotalLength] | bytes[kTotalLength + 1] << 8) + more;
  bytes[kTotalLength] = static_cast<uint8_t>(length);
  bytes[kTotalLength + 1] = static_cast<uint8_t>(length >> 8);
}

// The offsets of the endpoint descriptors.
std::vector<size_t> EndpointsOf(const Bytes& configuration) {
  std::vector<size_t> found;
  for (size_t at = 0; at + 1 < configuration.size(); at += configuration[at]) {
    if (configuration[at + 1] == 5) found.push_back(at);
  }
  return found;
}

void ForEachText(Descriptors& descriptors, void (*change)(Bytes&)) {
  for (auto& [index, bytes] : descriptors.strings) {
    if (index != 0) change(bytes);
  }
}

void ForEachReport(Descriptors& descriptors, void (*change)(Bytes&)) {
  for (Interface& interface : descriptors.interfaces) {
    if (!interface.report.empty()) change(interface.report);
  }
}

const Malformation kMalformations[] = {
    {"total-length-long", "wTotalLength counts 64 bytes that are not there",
     [](Descriptors& all) { AddToTotalLength(all, 64); }},
    {"total-length-short", "wTotalLength ends in the last descriptor",
     [](Descriptors& all) { AddToTotalLength(all, -3); }},
    {"length-zero", "the first interface descriptor has bLength 0",
     [](Descriptors& all) { all.configuration[kFirstInterface] = 0; }},
    {"length-long", "the last endpoint descriptor has bLength 255",
     [](Descriptors& all) { all.configuration[EndpointsOf(all.configuration).back()] = 255; }},
    {"no-interfaces", "bNumInterfaces is 0", [](Descriptors& all) { all.configuration[kInterfaceCount] = 0; }},
    {"many-interfaces", "bNumInterfaces is 200", [](Descriptors& all) { all.configuration[kInterfaceCount] = 200; }},
    {"no-endpoints", "bNumEndpoints of the first interface is 0",
     [](Descriptors& all) { all.configuration[kFirstInterface + kEndpointCount] = 0; }},
    {"many-endpoints", "bNumEndpoints of the first interface is 30",
     [](Descriptors& all) { all.configuration[kFirstInterface + kEndpointCount] = 30; }},
    {"no-configurations", "bNumConfigurations is 0", [](Descriptors& all) { all.device[kConfigurationCount] = 0; }},
    {"packet-zero", "wMaxPacketSize of each endpoint is 0",
     [](Descriptors& all) {
       for (const size_t at : EndpointsOf(all.configuration)) {
         all.configuration[at + kMaxPacketSize] = all.configuration[at + kMaxPacketSize + 1] = 0;
       }
     }},
    {"no-configuration-descriptor", "the configuration descriptor is cut off after four bytes",
     [](Descriptors& all) { all.configuration.resize(4); }},
    {"device-short", "the device descriptor is cut off after eight bytes, and nothing follows",
     [](Descriptors& all) {
       all.device.resize(8);
       all.configuration.clear();
     }},
    {"report-cut", "the report descriptor of a HID interface ends in the middle of an item",
     [](Descriptors& all) { ForEachReport(all, [](Bytes& report) { report.resize(2); }); }},
    {"report-endless", "the report descriptor of a HID interface has reports of 2^32 bytes",
     [](Descriptors& all) {
       ForEachReport(all, [](Bytes& report) {
         report = {0x06, 0x00, 0xFF, 0xA1, 0x01, 0x75, 0x08, 0x97, 0xFF,
                   0xFF, 0xFF, 0xFF, 0x81, 0x02, 0x91, 0x02, 0xC0};
       });
     }},
    {"report-long-items", "the report descriptor of a HID interface consists of long items",
     [](Descriptors& all) { ForEachReport(all, [](Bytes& report) { report.assign(report.size(), 0xFE); }); }},
    {"string-odd", "strings have an odd number of bytes",
     [](Descriptors& all) {
       ForEachText(all, [](Bytes& text) {
         text.pop_back();
         --text[0];
       });
     }},
    {"string-surrogates", "strings begin with half a surrogate pair",
     [](Descriptors& all) {
       ForEachText(all, [](Bytes& text) {
         text[2] = 0x00;
         text[3] = 0xD8;
       });
     }},
    {"string-long", "bLength of strings is 254, whatever they hold",
     [](Descriptors& all) { ForEachText(all, [](Bytes& text) { text[0] = 254; }); }},
    {"string-zero", "bLength of strings is 0",
     [](Descriptors& all) { ForEachText(all, [](Bytes& text) { text[0] = 0; }); }},
    {"string-type", "strings have another descriptor's type",
     [](Descriptors& all) { ForEachText(all, [](Bytes& text) { text[1] = 0x77; }); }},
    {"string-stall", "requests for strings are stalled", [](Descriptors& all) { all.strings.clear(); }},
};

}  // namespace

const Malformation& FindMalformation(const std::string& name) {
  const auto* row = std::find_if(std::begin(kMalformations), std::end(kMalformations),
                                 [&](const Malformation& candidate) { return candidate.name == name; });
  if (row == std::end(kMalformations)) throw std::invalid_argument("'" + name + "' is not a malformation");
  return *row;
}

std::string MalformationHelp() {
  std::ostringstream help;
  for (const Malformation& row : kMalformations) help << "  " << row.name << ": " << row.help << '\n';
  return help.str();
}

}  // namespace probegate::usbemu
