// One open file of a usbfs node (usbfs_node.h).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>

#include "tests/usbemu/preload_channel.h"
#include "tests/usbemu/transfers.h"
#include "tests/usbemu/usb_device.h"
#include "tests/usbemu/usbfs_node.h"

namespace probegate::usbemu {

class UsbFsFile : public TransferOwner {
 public:
  UsbFsFile(asio::io_context& io, int fd, UsbFsNode& node, UsbDevice& device);
  // Releases the claimed interfaces, and drops the transfers.
  ~UsbFsFile() override;

  bool HasClaimed(unsigned interface) const { return claimed_.contains(interface); }
  bool has_done() const { return !done_.empty(); }

  void Done(std::unique_ptr<Transfer> transfer) override;

 private:
  struct Row {
    uint32_t request;
    void (UsbFsFile::*handle)(uint64_t argument);
    bool when_gone;  // whether it still works after the device is gone
  };
  static const Row kRows[];

  void Serve();
  void GetCapabilities(uint64_t argument);
  void GetDriver(uint64_t argument);
  void Claim(uint64_t argument);
  void Release(uint64_t argument);
  void DisconnectClaim(uint64_t argument);
  void DriverIoctl(uint64_t argument);
  void SetConfiguration(uint64_t argument);
  void SetInterface(uint64_t argument);
  void ClearHalt(uint64_t argument);
  void ResetDevice(uint64_t argument);
  void Submit(uint64_t argument);
  void Discard(uint64_t argument);
  void Reap(uint64_t argument);
  void ReapNow(uint64_t argument);
  void ShowDone(uint64_t argument);

  // Returns 0, or the errno of the claim.
  int TryClaim(unsigned interface);

  PreloadChannel channel_;
  UsbFsNode& node_;
  UsbDevice& device_;
  std::set<unsigned> claimed_;
  std::deque<std::unique_ptr<Transfer>> done_;
  std::optional<uint64_t> reaping_;  // the argument of a waiting REAPURB
  ReadWatch watch_;
};

}  // namespace probegate::usbemu
