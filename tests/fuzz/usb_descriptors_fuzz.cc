// Parses arbitrary USB descriptors. Nothing may be read beyond their end, and the results must be consistent.
#include <cstdlib>
#include <vector>

#include "probe/cmsis_dap/usb_function.h"
#include "probe/usb/descriptors.h"

namespace probegate {
namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

void CheckFunctions(const usb::Configuration& configuration) {
  usb::DeviceInfo info;
  info.product = "CMSIS-DAP";
  info.configuration = configuration;
  for (usb::Interface& interface : info.configuration.interfaces) interface.name = "CMSIS-DAP";
  for (const cmsis_dap::UsbFunction& function : cmsis_dap::FindUsbFunctions(info)) {
    if (!function.problem.ok()) continue;
    Check(function.in.is_in() && function.in.max_packet != 0);
    Check(function.hid || function.out.has_value());
    Check(!function.out || (!function.out->is_in() && function.out->max_packet != 0));
    Check(!function.swo || function.swo->is_in());
  }
}

// A device with two HID interfaces, one of which has `bytes` as its report descriptor. That interface must not be
// chosen if its reports are unusable, and never instead of the other one.
void CheckHid(const std::vector<uint8_t>& bytes) {
  static const std::vector<uint8_t> kGood = {0x06, 0x00, 0xFF, 0x09, 0x01, 0xA1, 0x01, 0x75,
                                             0x08, 0x95, 0x40, 0x81, 0x02, 0x91, 0x02, 0xC0};
  for (const char* name : {"CMSIS-DAP", ""}) {
    usb::DeviceInfo info;
    info.product = "CMSIS-DAP";
    for (const auto& descriptor : {bytes, kGood}) {
      usb::Interface interface{
          .number = static_cast<uint8_t>(info.configuration.interfaces.size()),
          .interface_class = usb::kClassHid,
          .endpoints = {{.address = 0x81, .kind = usb::TransferKind::kInterrupt, .max_packet = 64}}};
      interface.name = name;
      interface.report_descriptor = descriptor;
      info.configuration.interfaces.push_back(interface);
    }
    bool good = false;
    for (const cmsis_dap::UsbFunction& function : cmsis_dap::FindUsbFunctions(info)) {
      good = good || function.interface == 1;
      if (function.interface == 1 || !function.problem.ok() || bytes.empty()) continue;
      const auto reports = usb::ParseHidReports(bytes);
      Check(reports.ok() && cmsis_dap::CheckHidReports(0, *reports).ok());
      good = good || *name == '\0';  // either one will do
    }
    Check(good);
  }
}

// The first byte is the value of the configuration to find.
void Run(const uint8_t* data, size_t size) {
  if (size == 0) return;
  // A copy of exactly this size, so that a sanitizer notices a read beyond its end.
  const std::vector<uint8_t> bytes(data + 1, data + size);
  static_cast<void>(usb::ParseDevice(bytes));
  if (const auto configuration = usb::ParseConfiguration(bytes, data[0]); configuration.ok()) {
    Check(configuration->value == data[0]);
    CheckFunctions(*configuration);
  }
  if (const auto text = usb::ParseString(bytes); text.ok()) Check(text->size() <= 2 * bytes.size());
  if (const auto reports = usb::ParseHidReports(bytes); reports.ok()) {
    Check(reports->input <= 65536 && reports->output <= 65536);
  }
  CheckHid(bytes);
}

}  // namespace
}  // namespace probegate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  probegate::Run(data, size);
  return 0;
}
