#include "probe/cmsis_dap/usb_hid.h"

#include <chrono>
#include <vector>

#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

constexpr std::chrono::milliseconds kBound{1000};
constexpr size_t kMostBytes = 4096;  // the longest report descriptor that is read

// HID 1.11 §7.1.1: the descriptor of an interface's reports.
constexpr usb::ControlSetup kGetReportDescriptor{.request_type = 0x81, .request = 0x06, .value = 0x2200};

bool IsFit(usb::Device& device, uint8_t interface) {
  const auto claim = device.TakeInterface(interface);
  if (!claim.ok()) return false;
  const auto reports = ReadHidReports(device, interface);
  return reports.ok() && reports->has_value() && CheckHidReports(interface, **reports).ok();
}

}  // namespace

absl::StatusOr<std::optional<usb::HidReports>> ReadHidReports(usb::Device& device, uint8_t interface) {
  std::vector<uint8_t> bytes(kMostBytes);
  usb::ControlSetup setup = kGetReportDescriptor;
  setup.index = interface;
  const auto size = device.ControlIn(setup, absl::MakeSpan(bytes), kBound);
  if (IsError(size.status(), ErrorKind::kProbeDisconnected)) return size.status();
  if (!size.ok()) return std::nullopt;
  const auto reports = usb::ParseHidReports(absl::MakeConstSpan(bytes).first(*size));
  if (!reports.ok()) return reports.status();
  return *reports;
}

UsbFunction ChooseHidInterface(usb::Device& device, const UsbFunction& function) {
  if (function.others.empty() || IsFit(device, function.interface)) return function;
  for (const UsbFunction& other : function.others) {
    if (IsFit(device, other.interface)) return other;
  }
  return function;
}

}  // namespace probegate::cmsis_dap
