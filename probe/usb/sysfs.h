// What Linux knows about USB devices (Documentation/ABI/testing/sysfs-bus-usb). It is read from files, so no permission
// to open the devices is needed and their users are not disturbed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace probegate::usb {

// The devices' directory.
inline constexpr char kSysfsDevices[] = "/sys/bus/usb/devices/";

// The directory of one device, by its path ("1-4.2"). If something cannot be read, the result is empty.
class SysfsDevice {
 public:
  explicit SysfsDevice(const std::string& path);

  // The content of a file with a single line, without the line's end.
  std::optional<std::string> Text(const std::string& name) const;

  // The device descriptor, followed by all configurations.
  std::vector<uint8_t> Descriptors() const;

  // The value of the active configuration; empty while there is none.
  std::optional<uint8_t> ConfigurationValue() const;

  // Whether the interface has a directory yet, and the interface's string. The kernel creates these directories after
  // the device's.
  bool HasInterface(uint8_t configuration, uint8_t number) const;
  std::optional<std::string> InterfaceName(uint8_t configuration, uint8_t number) const;

  // The report descriptor of a HID interface. It is available while the system's own driver has the interface;
  // otherwise the result is empty.
  std::vector<uint8_t> ReportDescriptor(uint8_t configuration, uint8_t number) const;

 private:
  std::string InterfaceDirectory(uint8_t configuration, uint8_t number) const;

  const std::string path_;
  const std::string directory_;
};

}  // namespace probegate::usb
