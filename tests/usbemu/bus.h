// The emulated bus: a root hub with a port for each --device, what is plugged into them, and the files by which
// programs see that.
//
// A device that is plugged in again has a new number and so a new node, as the kernel gives it; the old node's files
// stay until the programs that have them open close them.
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
  DeviceSpec spec;  // with its serial number
  BoardAddress board;
  // Gives the board its power, or takes it away; what a board that is somebody else's does not know.
  std::function<void(bool on)> set_power;
};

class Bus {
 public:
  // With the devices that their specs say are plugged. Throws std::runtime_error.
  // `root`: an empty directory for the files.
  Bus(asio::io_context& io, std::string root, BusTiming timing, std::vector<Slot> slots);
  ~Bus();

  const std::string& root() const { return root_; }
  size_t size() const { return slots_.size(); }
  const Slot& slot(size_t index) const { return slots_[index]; }

  // The device in a slot; null where none is plugged. Until it is unplugged.
  UsbDevice* device(size_t index);
  // Its number on the bus; 0 where none is plugged.
  unsigned number(size_t index) const;
  // How many files of nodes programs have open, of devices that have gone too.
  size_t open_files() const;

  // Return when programs can see it. Plug throws std::runtime_error where there is no board, and nothing has happened.
  void Plug(size_t index);
  void Unplug(size_t index);

  // Whether a program must heed the mode of a node.
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
  std::list<std::unique_ptr<Plugged>> left_;  // that programs have open
  unsigned last_number_ = 1;
  unsigned next_hidraw_ = 0;
};

}  // namespace probegate::usbemu
