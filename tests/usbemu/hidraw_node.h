// A HID interface's node /dev/hidrawN, and what the kernel's HID driver does for it (linux/hidraw.h): while programs
// have it open, each report that the device sends is kept for each of them.
#pragma once

#include <linux/hidraw.h>

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "asio/io_context.hpp"
#include "tests/usbemu/device_node.h"
#include "tests/usbemu/preload_channel.h"
#include "tests/usbemu/usb_device.h"

namespace probegate::usbemu {

class HidrawNode : public TransferOwner {
 public:
  struct Identity {
    uint16_t vendor_id = 0;
    uint16_t product_id = 0;
    std::string name;  // "vendor product"
    std::string serial;
    std::string physical;  // the port into which it is plugged
  };

  // `device` must outlive it.
  HidrawNode(asio::io_context& io, const std::string& root, const DeviceNode::Address& address, UsbDevice& device,
             const Interface& interface, Identity identity);
  ~HidrawNode() override;
  HidrawNode(const HidrawNode&) = delete;
  HidrawNode& operator=(const HidrawNode&) = delete;

  // The device or its driver is gone: the node can no longer be opened, and programs that have it open get errors.
  void HangUp();
  // How many programs have it open.
  size_t open_files() const { return files_.size(); }

  void Done(std::unique_ptr<Transfer> transfer) override;

 private:
  struct File {
    File(asio::io_context& io, int fd, std::function<void(File&)> serve)
        : channel(fd), watch(io, fd, [this, serve = std::move(serve)] { serve(*this); }) {}

    PreloadChannel channel;
    std::deque<Bytes> reports;
    std::optional<PreloadChannel::Request> reading;  // a read that waits for a report
    bool writing = false;                            // a write waits for its report to be sent
    ReadWatch watch;
  };

  void Serve(File& file);
  void Ioctl(File& file, uint32_t request, uint64_t argument);
  void WriteText(File& file, uint64_t address, size_t room, const std::string& text);
  void Read(File& file);
  void Write(File& file, const PreloadChannel::Request& request);
  void Listen();
  void UpdateReadiness();

  asio::io_context& io_;
  UsbDevice& device_;
  const Interface interface_;
  const Identity identity_;
  const Bytes descriptor_;
  bool gone_ = false;
  bool listening_ = false;  // a transfer for the next report is pending
  std::deque<File*> writers_;
  std::list<File> files_;
  std::optional<DeviceNode> node_;
};

}  // namespace probegate::usbemu
