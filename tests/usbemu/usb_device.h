// A device while it is on the bus: its model, its transfers and their timing, and the connection to its board.
//
// On a bus that is not timed, everything moves as soon as it can. On a timed bus, packets move at the end of a frame (1
// ms at full speed, a microframe of 125 us at high speed), as many as fit into one: 19 bulk packets of 64 bytes or 13
// of 512 (USB 2.0, tables 5-9 and 5-10, with the whole bus available), one packet of each interrupt endpoint, and one
// control transfer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "asio/io_context.hpp"
#include "tests/usbemu/board_link.h"
#include "tests/usbemu/device_model.h"
#include "tests/usbemu/event_loop.h"
#include "tests/usbemu/transfers.h"

namespace probegate::usbemu {

struct BusTiming {
  Speed speed = Speed::kHigh;
  bool timed = false;

  std::chrono::microseconds frame() const { return std::chrono::microseconds(speed == Speed::kHigh ? 125 : 1000); }
  unsigned bulk_packets() const { return speed == Speed::kHigh ? 13 : 19; }
};

class UsbDevice {
 public:
  struct Hooks {
    // The device is to be unplugged, because of a fault or because its board is gone. Called from within the device's
    // own functions, so it must not destroy the device.
    std::function<void(const char* why)> on_unplug;
    // Switches the power of the board's probe off and on again.
    std::function<void()> restart_board;
  };

  // Throws std::runtime_error if there is no board at `board`.
  UsbDevice(asio::io_context& io, const DeviceSpec& spec, BusTiming timing, const BoardAddress& board, Hooks hooks);
  // The root hub.
  explicit UsbDevice(asio::io_context& io);

  DeviceModel& model() { return model_; }
  Faults& faults() { return transfers_.faults(); }
  bool gone() const { return gone_; }

  // The same as those of Transfers. When they return, everything that can move at once has moved. ENODEV: the device
  // has been unplugged.
  int Submit(TransferOwner& owner, std::unique_ptr<Transfer> transfer);
  bool Discard(const TransferOwner& owner, uint64_t address) { return transfers_.Discard(owner, address); }
  void Forget(const TransferOwner& owner) { transfers_.Forget(owner); }

  // A halt has been cleared, so that more packets may move.
  void Wake();
  // Resets the port: firmware that hangs is restarted, and loses its state. Throws std::runtime_error if the board does
  // not come back.
  void Reset();
  // Disconnects the board, and ends all transfers.
  void Unplug();

  // The interfaces that a kernel driver or a program has claimed, by number.
  const Interface* FindInterface(unsigned number) const;
  bool HasDriver(unsigned number) const { return drivers_.contains(number); }
  void SetDriver(unsigned number, bool attached);
  // Called after each change.
  void OnDriverChange(std::function<void(const Interface&, bool attached)> function);

 private:
  std::unique_ptr<BoardLink> ConnectBoard();
  void TakeTrace(const Bytes& bytes);
  void AskTrace();
  void MoveUntimed();
  void AtFrame();
  void SetDueAlarm();

  asio::io_context& io_;
  const BusTiming timing_;
  const BoardAddress board_;
  const Hooks hooks_;
  DeviceModel model_;
  Transfers transfers_;
  std::function<void(const Interface&, bool)> on_driver_change_;
  std::unique_ptr<BoardLink> link_;
  Alarm frame_;
  Alarm due_;
  Alarm trace_;
  Clock::time_point frame_end_;
  std::set<unsigned> drivers_;
  bool gone_ = false;
  bool moving_ = false;
  bool trace_asked_ = false;
};

}  // namespace probegate::usbemu
