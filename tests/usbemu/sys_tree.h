// The emulated /sys: directories with attributes of USB devices, which libudev, libusb and usbutils read, and the
// events by which udev tells programs that a device was added or removed. The events go to the sockets that umockdev's
// preload library opens for programs that listen to udev.
#pragma once

#include <string>
#include <vector>

#include "tests/usbemu/bytes.h"
#include "tests/usbemu/descriptors.h"
#include "tests/usbemu/device_spec.h"

namespace probegate::usbemu {

class SysTree {
 public:
  // The path of a device: "/devices/…", below /sys.
  using Path = std::string;

  struct UsbAddress {
    unsigned bus = 1;
    unsigned device = 0;
    unsigned port = 0;  // the root hub's port; 0: the device is the root hub
  };

  // Makes `root`/sys with the bus and class directories.
  explicit SysTree(std::string root);

  // Each makes the directories and notifies listening programs. `texts`: manufacturer, product, serial; those that are
  // empty get no attribute.
  struct Texts {
    std::string vendor;
    std::string product;
    std::string serial;
  };
  Path AddDevice(const UsbAddress& address, const Descriptors& descriptors, const Texts& texts, Speed speed);
  // `device`: the result of AddDevice. `name`: hidrawN, with the number `minor`.
  Path AddHidraw(const Path& device, const UsbAddress& address, const Interface& interface,
                 const Descriptors& descriptors, const Texts& texts, unsigned minor);
  // Removes it, and everything below it.
  void Remove(const Path& path);

 private:
  struct Entry {
    Path path;
    std::string subsystem;
    std::string devtype;
    std::string uevent;  // its properties, one per line
    std::string link;    // in the list of its subsystem's devices
  };
  struct Attribute {
    std::string name;
    std::string value;
  };
  void Add(Entry entry, bool is_bus, const std::vector<Attribute>& attributes);
  void Announce(const Entry& entry, const std::string& action);
  void Send(const std::string& message) const;

  const std::string root_;
  std::vector<Entry> entries_;
  unsigned long long sequence_ = 1;
};

}  // namespace probegate::usbemu
