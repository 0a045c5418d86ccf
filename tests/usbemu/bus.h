// The emulated bus: a root hub with a port for each --device, the devices plugged into them, and the files in which
// programs see them.
//
// As in the kernel, a device that is plugged in again gets a new number, and so a new node. The old node's files stay
// until the programs that have them open close them.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asio/io_context.hpp"
#include "tests/usbemu/board_link.h"
#include "tests/usbemu/device_spec.h"
#include "tests/usbemu/hidraw_node.h"
#include "tests/usbemu/sys_tree.h"
#include "tests/usbemu/usb_device.h"
#include "tests/usbemu/usbfs_node.h"

namespace probegate::usbemu {

// A device and its board, whether it is plugged in or not.
struct Slot {
  DeviceSpec spec;  // including its serial number
  BoardAddress board;
  // Switches the board's power on or off. Has no effect on boards of --board.
  std::function<void(bool on)> set_power;
};

class Bus {
 public:
  // Plugs in the devices whose specs say so. Throws std::runtime_error.
  // `root`: an empty directory for the files.
  Bus(asio::io_context& io, std::string root, BusTiming timing, std::vector<Slot> slots);
  ~Bus();

  const std::string& root() const { return root_; }
  size_t size() const { return slots_.size(); }
  const Slot& slot(size_t index) const { return slots_[index]; }

  // The device in a slot, valid until it is unplugged; null if none is plugged in.
  UsbDevice* device(size_t index);
  // The device's number on the bus; 0 if none is plugged in.
  unsigned number(size_t index) const;
  // How many files of nodes programs have open, including those of unplugged devices.
  size_t open_files() const;

  // Both return when programs can see the change. Plug throws std::runtime_error if there is no board; nothing has
  // changed, then.
  void Plug(size_t index);
  void Unplug(size_t index);

  // Whether programs must obey the mode of a node.
  bool has_denied() const;

 private:
  struct Plugged;

  void AddHub();
  void ChangeDriver(Plugged& plugged, const Interface& interface, bool attached);
  void Sweep();

  asio::io_context& io_;
  const BusTiming timing_;
  std::vector<Slot> slots_;
  const std::string root_;
  SysTree sys_;
  std::unique_ptr<Plugged> hub_;
  std::vector<std::unique_ptr<Plugged>> plugged_;
  std::list<std::unique_ptr<Plugged>> left_;  // unplugged devices that programs still have open
  unsigned last_number_ = 1;
  unsigned next_hidraw_ = 0;
};

}  // namespace probegate::usbemu
