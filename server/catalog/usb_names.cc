#include "server/catalog/usb_names.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace probegate {

void UsbNames::See(const std::vector<const usb::DeviceInfo*>& devices) {
  std::set<std::string> seen;
  for (const usb::DeviceInfo* device : devices) {
    if (!seen.insert(device->serial).second) shared_.insert(device->serial);
  }
}

std::string UsbNames::UniqueId(const usb::DeviceInfo& device, uint8_t interface, bool several) const {
  std::string id = device.serial;
  if (id.empty()) id = absl::StrFormat("%04x:%04x", device.descriptor.vendor_id, device.descriptor.product_id);
  if (device.serial.empty() || shared_.contains(device.serial)) absl::StrAppend(&id, "@", device.path);
  if (several) absl::StrAppend(&id, "-if", interface);
  return id;
}

}  // namespace probegate
