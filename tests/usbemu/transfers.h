// The host controller's side of one device: transfers that wait on its endpoints are moved packet by packet between
// programs' buffers and the device model, subject to the faults that have been set. It has no clock: the argument of
// Move() says how much may move now.
#pragma once

#include <linux/usbdevice_fs.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "tests/usbemu/bytes.h"
#include "tests/usbemu/device_model.h"
#include "tests/usbemu/event_loop.h"
#include "tests/usbemu/faults.h"

namespace probegate::usbemu {

// A transfer (URB), submitted by a program through usbfs, or by the kernel's HID driver.
struct Transfer {
  uint64_t address = 0;  // of the URB in the program
  uint8_t type = 0;      // USBDEVFS_URB_TYPE_…
  uint8_t endpoint = 0;
  unsigned flags = 0;  // USBDEVFS_URB_…
  uint64_t buffer = 0;
  Bytes data;        // of the same size as the program's buffer; that of a control transfer begins with the setup
  size_t moved = 0;  // in bytes, not counting the setup
  int status = 0;    // 0 or a negative errno, as in the kernel
  std::shared_ptr<SetFault> fault;
  std::optional<Clock::time_point> held_until;  // the transfer has ended, but is given back only then
  bool end_sent = false;                        // the empty packet after an OUT transfer was sent
  bool lost = false;                            // the transfer is never answered

  bool is_control() const { return type == USBDEVFS_URB_TYPE_CONTROL; }
  bool is_in() const;
};

// A submitter of transfers. It gets each of them back once.
class TransferOwner {
 public:
  virtual ~TransferOwner() = default;
  virtual void Done(std::unique_ptr<Transfer> transfer) = 0;
};

// How much may move: packets of all bulk endpoints together, packets of each interrupt endpoint, and control transfers.
struct Budget {
  unsigned bulk = 0;
  unsigned interrupt = 0;
  unsigned control = 0;
};

class Transfers {
 public:
  // `on_unplug`: a fault demands that the device is unplugged. It may end this object's transfers before it returns.
  Transfers(DeviceModel& model, std::function<void()> on_unplug);

  // Submits a transfer. Returns 0, or an errno if it is refused: ENOENT if there is no such endpoint. No data moves
  // yet.
  int Submit(TransferOwner& owner, std::unique_ptr<Transfer> transfer);
  // Gives the transfer back with -ENOENT. False: there is no such transfer.
  bool Discard(const TransferOwner& owner, uint64_t address);
  // The owner is gone: the transfers that it has submitted are dropped.
  void Forget(const TransferOwner& owner);

  // Moves what can be moved at `now`. Returns whether more could be moved with a larger budget.
  bool Move(Budget budget, Clock::time_point now);
  // For how many bytes the transfers waiting on an IN endpoint have room.
  size_t Room(uint8_t endpoint) const;
  // When the next of the delayed transfers is due.
  std::optional<Clock::time_point> NextDue() const;

  // Gives all transfers back with -ESHUTDOWN.
  void EndAll();

  Faults& faults() { return faults_; }

 private:
  struct Waiting {
    TransferOwner* owner;
    std::unique_ptr<Transfer> transfer;
  };
  using Pipe = std::deque<Waiting>;
  enum class Step : uint8_t { kEnded, kRefused, kNoBudget };

  static constexpr uint8_t kControlPipe = 0;

  Step MoveFront(Transfer& transfer, unsigned& packets);
  Step MoveControl(Transfer& transfer, unsigned& transfers);
  Step MoveOut(Transfer& transfer, const Endpoint& endpoint, unsigned& packets);
  Step MoveIn(Transfer& transfer, const Endpoint& endpoint, unsigned& packets);
  bool EndsAtOnce(Transfer& transfer);
  void Finish(Transfer& transfer, Clock::time_point now);
  static void GiveBack(Waiting waiting);

  DeviceModel& model_;
  std::function<void()> on_unplug_;
  std::map<uint8_t, Pipe> pipes_;
  Faults faults_;
};

}  // namespace probegate::usbemu
