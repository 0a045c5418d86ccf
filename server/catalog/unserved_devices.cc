#include "server/catalog/unserved_devices.h"

#include "base/one_line.h"
#include "server/catalog/description.h"

namespace probegate {

void UnservedDevices::Note(const UnservedDevice& device) {
  v1::UnservedDevice noted;
  noted.set_location(device.location);
  noted.set_unique_id(CleanUniqueId(device.unique_id));
  noted.set_description(
      VendorAndProduct(OneLine(device.vendor_name, kMaxProbeText), OneLine(device.product_name, kMaxProbeText)));
  noted.set_usb_id(device.usb_id);
  noted.set_reason(OneLine(device.reason));
  MutexLock lock(mutex_);
  const std::pair key(noted.location(), noted.unique_id());
  if (devices_.size() < kMost || devices_.contains(key)) devices_[key] = std::move(noted);
}

void UnservedDevices::Forget(const std::string& location) {
  MutexLock lock(mutex_);
  std::erase_if(devices_, [&location](const auto& noted) { return noted.first.first == location; });
}

void UnservedDevices::Forget(const std::string& location, const std::string& unique_id) {
  MutexLock lock(mutex_);
  devices_.erase(std::pair(location, std::string()));
  devices_.erase(std::pair(location, unique_id));
}

std::vector<v1::UnservedDevice> UnservedDevices::List() const {
  MutexLock lock(mutex_);
  std::vector<v1::UnservedDevice> all;
  for (const auto& [key, device] : devices_) all.push_back(device);
  return all;
}

}  // namespace probegate
