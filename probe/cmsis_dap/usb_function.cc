#include "probe/cmsis_dap/usb_function.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ignoring_case.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using usb::Endpoint;
using usb::Interface;
using usb::TransferKind;

// How devices spell "CMSIS-DAP", in any case.
constexpr const char* kSpellings[] = {"CMSIS-DAP", "CMSIS_DAP"};

bool HasName(const std::string& text) {
  return std::any_of(std::begin(kSpellings), std::end(kSpellings),
                     [&text](const char* spelling) { return ContainsIgnoringCase(text, spelling); });
}

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

std::vector<UsbFunction> NamedBulkFunctions(const usb::DeviceInfo& device) {
  std::vector<UsbFunction> functions;
  for (const Interface& interface : device.configuration.interfaces) {
    // KitProg3 has no class where the specification asks for the vendor-specific one.
    const bool fits = interface.interface_class == usb::kClassVendor || interface.interface_class == usb::kClassNone;
    if (fits && interface.alternate == 0 && HasName(interface.name)) functions.push_back(BulkFunction(interface));
  }
  return functions;
}

std::vector<UsbFunction> Usable(const std::vector<UsbFunction>& functions) {
  std::vector<UsbFunction> usable;
  std::copy_if(functions.begin(), functions.end(), std::back_inserter(usable),
               [](const UsbFunction& function) { return function.problem.ok(); });
  return usable;
}

// The one interface that can be version 2 although its own name does not say so. An interface with a protocol of its
// own (a subclass or a protocol other than 0) is taken only if no other will do.
std::vector<UsbFunction> UnnamedBulkFunction(const usb::DeviceInfo& device) {
  for (const bool plain : {true, false}) {
    for (const Interface& interface : device.configuration.interfaces) {
      if (interface.interface_class != usb::kClassVendor || interface.alternate != 0) continue;
      if (plain != (interface.subclass == 0 && interface.protocol == 0)) continue;
      UsbFunction function = BulkFunction(interface);
      if (function.problem.ok()) return {std::move(function)};
    }
  }
  return {};
}

std::vector<HidCandidate> HidCandidates(const usb::DeviceInfo& device, bool named) {
  std::vector<HidCandidate> candidates;
  for (const Interface& interface : device.configuration.interfaces) {
    if (interface.interface_class != usb::kClassHid || interface.subclass != 0 || interface.alternate != 0) continue;
    if (!named || HasName(interface.name)) candidates.push_back(MakeCandidate(interface));
  }
  return candidates;
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

bool IsNamedCmsisDap(const usb::DeviceInfo& device) {
  const auto& interfaces = device.configuration.interfaces;
  return HasName(device.product) || std::any_of(interfaces.begin(), interfaces.end(),
                                                [](const Interface& interface) { return HasName(interface.name); });
}

std::vector<UsbFunction> FindUsbFunctions(const usb::DeviceInfo& device, const UsbChoice& choice) {
  const bool bulk = choice.version != DapVersion::kV1;
  const bool hid = choice.version != DapVersion::kV2;
  const bool is_probe = choice.is_probe || HasName(device.product);
  const std::vector<UsbFunction> named = bulk ? NamedBulkFunctions(device) : std::vector<UsbFunction>();
  // One that cannot be used may have the name for another purpose: DAPLink's interface for WebUSB has no endpoints.
  std::vector<UsbFunction> functions = Usable(named);
  if (functions.empty() && hid) functions = NamedFunctions(HidCandidates(device, true));
  if (functions.empty() && is_probe && bulk) functions = UnnamedBulkFunction(device);
  if (functions.empty() && is_probe && hid) functions = UnnamedFunction(HidCandidates(device, false));
  if (functions.empty()) functions = named;
  std::sort(functions.begin(), functions.end(),
            [](const UsbFunction& a, const UsbFunction& b) { return a.interface < b.interface; });
  return functions;
}

}  // namespace probegate::cmsis_dap
