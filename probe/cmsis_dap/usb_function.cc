#include "probe/cmsis_dap/usb_function.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using usb::Endpoint;
using usb::Interface;
using usb::TransferKind;

constexpr char kName[] = "CMSIS-DAP";

absl::Status Unfit(const Interface& interface, const char* why) {
  return MakeError(ErrorKind::kProbeError,
                   absl::StrCat("interface ", interface.number, " says that it is CMSIS-DAP, but ", why));
}

UsbFunction BulkFunction(const Interface& interface) {
  UsbFunction function{.interface = interface.number};
  const std::vector<Endpoint>& endpoints = interface.endpoints;
  const bool bulk = std::all_of(endpoints.begin(), endpoints.end(), [](const Endpoint& endpoint) {
    return endpoint.kind == TransferKind::kBulk && endpoint.max_packet != 0;
  });
  if (endpoints.size() < 2 || endpoints.size() > 3 || !bulk) {
    function.problem = Unfit(interface, "it has not two or three bulk endpoints");
  } else if (endpoints[0].is_in() || !endpoints[1].is_in() || (endpoints.size() == 3 && !endpoints[2].is_in())) {
    function.problem = Unfit(interface, "its endpoints are not out, in, and in for SWO");
  } else {
    function.out = endpoints[0];
    function.in = endpoints[1];
    if (endpoints.size() == 3) function.swo = endpoints[2];
  }
  return function;
}

UsbFunction HidFunction(const Interface& interface) {
  UsbFunction function{.hid = true, .interface = interface.number};
  bool has_in = false;
  for (const Endpoint& endpoint : interface.endpoints) {
    if (endpoint.kind != TransferKind::kInterrupt || endpoint.max_packet == 0) continue;
    if (endpoint.is_in()) {
      function.in = endpoint;
      has_in = true;
    } else {
      function.out = endpoint;
    }
  }
  if (!has_in) function.problem = Unfit(interface, "it has no interrupt endpoint to answer by");
  return function;
}

// HID interfaces with the name; where none has it and the product does, the first there is.
std::vector<UsbFunction> HidFunctions(const usb::DeviceInfo& device) {
  std::vector<UsbFunction> named;
  std::vector<UsbFunction> first;
  for (const Interface& interface : device.configuration.interfaces) {
    if (interface.interface_class != usb::kClassHid || interface.subclass != 0 || interface.alternate != 0) continue;
    if (absl::StrContains(interface.name, kName)) named.push_back(HidFunction(interface));
    if (first.empty()) first.push_back(HidFunction(interface));
  }
  if (!named.empty()) return named;
  return absl::StrContains(device.product, kName) ? first : named;
}

}  // namespace

std::vector<UsbFunction> FindUsbFunctions(const usb::DeviceInfo& device) {
  std::vector<UsbFunction> functions;
  for (const Interface& interface : device.configuration.interfaces) {
    const bool vendor = interface.interface_class == usb::kClassVendor && interface.alternate == 0;
    if (vendor && absl::StrContains(interface.name, kName)) functions.push_back(BulkFunction(interface));
  }
  if (functions.empty()) functions = HidFunctions(device);
  std::sort(functions.begin(), functions.end(),
            [](const UsbFunction& a, const UsbFunction& b) { return a.interface < b.interface; });
  return functions;
}

}  // namespace probegate::cmsis_dap
