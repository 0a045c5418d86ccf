// What Linux knows of USB devices (Documentation/ABI/testing/sysfs-bus-usb): read from files, without permission to
// open the devices, and without disturbing who uses them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace probegate::usb {

// The devices' directory.
inline constexpr char kSysfsDevices[] = "/sys/bus/usb/devices/";

// The directory of one device, by its path ("1-4.2"). What cannot be read is nothing.
class SysfsDevice {
 public:
  explicit SysfsDevice(const std::string& path);

  // A file that holds one line, without its end.
  std::optional<std::string> Text(const std::string& name) const;

  // The device descriptor, and all configurations behind it.
  std::vector<uint8_t> Descriptors() const;

  // The value of the active configuration; nothing while there is none.
  std::optional<uint8_t> ConfigurationValue() const;

  // Whether the interface has a directory yet, and its string. The kernel makes the directories after the device's.
  bool HasInterface(uint8_t configuration, uint8_t number) const;
  std::optional<std::string> InterfaceName(uint8_t configuration, uint8_t number) const;

  // The report descriptor of a HID interface: there as long as the system's own driver has the interface. Empty where
  // it has not.
  std::vector<uint8_t> ReportDescriptor(uint8_t configuration, uint8_t number) const;

 private:
  std::string InterfaceDirectory(uint8_t configuration, uint8_t number) const;

  const std::string path_;
  const std::string directory_;
};

}  // namespace probegate::usb
