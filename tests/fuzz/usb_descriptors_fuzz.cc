// What a device says of itself, being anything. Nothing may be read beyond it, and what comes out must hold together.
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

// The first byte is the value of the configuration that is looked for.
void Run(const uint8_t* data, size_t size) {
  if (size == 0) return;
  // A copy of exactly its size, so that a sanitizer sees a read beyond it.
  const std::vector<uint8_t> bytes(data + 1, data + size);
  static_cast<void>(usb::ParseDevice(bytes));
  if (const auto configuration = usb::ParseConfiguration(bytes, data[0]); configuration.ok()) {
    Check(configuration->value == data[0]);
    CheckFunctions(*configuration);
  }
  if (const auto text = usb::ParseString(bytes); text.ok()) Check(text->size() <= 2 * bytes.size());
  if (const auto sizes = usb::ParseReportSizes(bytes); sizes.ok()) {
    Check(sizes->input <= 65536 && sizes->output <= 65536);
  }
}

}  // namespace
}  // namespace probegate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  probegate::Run(data, size);
  return 0;
}
