#include "probe/cmsis_dap/usb_function.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using usb::Endpoint;
using usb::Interface;
using usb::TransferKind;

constexpr char kName[] = "CMSIS-DAP";

absl::Status Unfit(uint8_t interface, absl::string_view why) {
  return MakeError(ErrorKind::kProbeError, absl::StrCat("interface ", interface, " claims to be CMSIS-DAP, but ", why));
}

UsbFunction BulkFunction(const Interface& interface) {
  UsbFunction function{.interface = interface.number};
  const std::vector<Endpoint>& endpoints = interface.endpoints;
  const bool bulk = std::all_of(endpoints.begin(), endpoints.end(), [](const Endpoint& endpoint) {
    return endpoint.kind == TransferKind::kBulk && endpoint.max_packet != 0;
  });
  if (endpoints.size() < 2 || endpoints.size() > 3 || !bulk) {
    function.problem = Unfit(interface.number, "it does not have two or three bulk endpoints");
  } else if (endpoints[0].is_in() || !endpoints[1].is_in() || (endpoints.size() == 3 && !endpoints[2].is_in())) {
    function.problem = Unfit(interface.number, "its endpoints are not in the order out, in, in for SWO");
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
  if (!has_in) function.problem = Unfit(interface.number, "it has no interrupt IN endpoint for replies");
  return function;
}

// Whether a HID interface is CMSIS-DAP, judging by what the system knows about its reports.
enum class Fit : uint8_t { kYes, kUnknown, kNo, kBroken };

struct HidCandidate {
  UsbFunction function;
  Fit fit;
};

HidCandidate MakeCandidate(const Interface& interface) {
  UsbFunction function = HidFunction(interface);
  if (!function.problem.ok()) return {std::move(function), Fit::kBroken};
  if (interface.report_descriptor.empty()) return {std::move(function), Fit::kUnknown};
  const auto reports = usb::ParseHidReports(interface.report_descriptor);
  function.problem = reports.ok() ? CheckHidReports(interface.number, *reports) : reports.status();
  const Fit fit = !reports.ok() ? Fit::kBroken : function.problem.ok() ? Fit::kYes : Fit::kNo;
  return {std::move(function), fit};
}

std::vector<UsbFunction> Those(const std::vector<HidCandidate>& candidates, std::initializer_list<Fit> fits) {
  std::vector<UsbFunction> functions;
  for (const HidCandidate& candidate : candidates) {
    if (std::find(fits.begin(), fits.end(), candidate.fit) != fits.end()) functions.push_back(candidate.function);
  }
  return functions;
}

// If several interfaces have the name, each may be a probe of its own, but a keyboard is not.
std::vector<UsbFunction> NamedFunctions(const std::vector<HidCandidate>& named) {
  std::vector<UsbFunction> functions = Those(named, {Fit::kYes, Fit::kUnknown, Fit::kBroken});
  return functions.empty() ? Those(named, {Fit::kNo}) : functions;
}

// The one probe in a device of which only the product has the name.
std::vector<UsbFunction> UnnamedFunction(const std::vector<HidCandidate>& candidates) {
  std::vector<UsbFunction> functions = Those(candidates, {Fit::kYes});
  if (functions.empty()) {
    functions = Those(candidates, {Fit::kUnknown});
    if (!functions.empty()) functions[0].others.assign(functions.begin() + 1, functions.end());
  }
  if (functions.empty()) functions = Those(candidates, {Fit::kNo, Fit::kBroken});
  if (functions.size() > 1) functions.resize(1);
  return functions;
}

std::vector<UsbFunction> HidFunctions(const usb::DeviceInfo& device) {
  std::vector<HidCandidate> named;
  std::vector<HidCandidate> all;
  for (const Interface& interface : device.configuration.interfaces) {
    if (interface.interface_class != usb::kClassHid || interface.subclass != 0 || interface.alternate != 0) continue;
    all.push_back(MakeCandidate(interface));
    if (absl::StrContains(interface.name, kName)) named.push_back(all.back());
  }
  if (!named.empty()) return NamedFunctions(named);
  return absl::StrContains(device.product, kName) ? UnnamedFunction(all) : std::vector<UsbFunction>();
}

}  // namespace

absl::Status CheckHidReports(uint8_t interface, const usb::HidReports& reports) {
  if (reports.usage_page != 0 && reports.usage_page < usb::kFirstVendorPage) {
    return Unfit(interface,
                 absl::StrCat("its HID reports are of usage page 0x", absl::Hex(reports.usage_page, absl::kZeroPad4),
                              ", which is not vendor-defined"));
  }
  if (reports.numbered) return Unfit(interface, "its HID reports are numbered");
  if (reports.input >= kUsualPacket && reports.output >= kUsualPacket) return absl::OkStatus();
  return Unfit(interface, absl::StrCat("its HID reports have ", reports.input, " bytes in and ", reports.output,
                                       " out; packets have at least ", kUsualPacket));
}

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
