// A device's node /dev/bus/usb/BBB/DDD. It implements the ioctls of linux/usbdevice_fs.h that libusb uses, as the
// kernel's usbfs does, for any number of programs that have the node open.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "asio/io_context.hpp"
#include "tests/usbemu/device_node.h"
#include "tests/usbemu/usb_device.h"

namespace probegate::usbemu {

class UsbFsFile;

class UsbFsNode {
 public:
  // `device` must outlive it.
  UsbFsNode(asio::io_context& io, const std::string& root, const DeviceNode::Address& address, bool denied,
            UsbDevice& device);
  ~UsbFsNode();
  UsbFsNode(const UsbFsNode&) = delete;
  UsbFsNode& operator=(const UsbFsNode&) = delete;

  // The device is gone: the node can no longer be opened, and programs that have it open get errors. To be called after
  // UsbDevice::Unplug.
  void HangUp();
  // How many programs have it open.
  size_t open_files() const { return files_.size(); }

  // For the node's files.
  const UsbFsFile* ClaimerOf(unsigned interface) const;
  void UpdateReadiness();
  void Closed(UsbFsFile& file);

 private:
  asio::io_context& io_;
  UsbDevice& device_;
  std::list<std::unique_ptr<UsbFsFile>> files_;
  std::optional<DeviceNode> node_;
};

}  // namespace probegate::usbemu
