// The host controller's side of one device: transfers that wait on its endpoints, moved packet by packet between
// programs' buffers and the device model, and the faults that have been set. Knows no time: Move() says how much may
// move now.
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

// A transfer as a program has submitted it (an URB), by usbfs or by the kernel's own HID driver.
struct Transfer {
  uint64_t address = 0;  // of the URB in the program
  uint8_t type = 0;      // USBDEVFS_URB_TYPE_…
  uint8_t endpoint = 0;
  unsigned flags = 0;  // USBDEVFS_URB_…
  uint64_t buffer = 0;
  Bytes data;        // as long as the program's buffer; a control transfer's begins with its setup
  size_t moved = 0;  // bytes, without the setup
  int status = 0;    // 0 or a negative errno, as the kernel has them
  std::shared_ptr<SetFault> fault;
  std::optional<Clock::time_point> held_until;  // has ended, and is to be shown then
  bool end_sent = false;                        // the empty packet behind an OUT transfer
  bool lost = false;                            // it is never answered

  bool is_control() const { return type == USBDEVFS_URB_TYPE_CONTROL; }
  bool is_in() const;
};

// Whoever submits transfers; gets each of them back once.
class TransferOwner {
 public:
  virtual ~TransferOwner() = default;
  virtual void Done(std::unique_ptr<Transfer> transfer) = 0;
};

// How much may move: packets of bulk endpoints in all, and of each interrupt endpoint; control transfers.
struct Budget {
  unsigned bulk = 0;
  unsigned interrupt = 0;
  unsigned control = 0;
};

class Transfers {
 public:
  // `on_unplug`: the device is to be unplugged. It may end this object's transfers before it returns.
  Transfers(DeviceModel& model, std::function<void()> on_unplug);

  // 0, or an errno where it is not taken: ENOENT for an endpoint that is not there. Nothing has moved yet.
  int Submit(TransferOwner& owner, std::unique_ptr<Transfer> transfer);
  // Gives it back with -ENOENT. False: there is none.
  bool Discard(const TransferOwner& owner, uint64_t address);
  // The owner goes: what it has submitted is no more.
  void Forget(const TransferOwner& owner);

  // Moves what can be moved at `now`. Answers whether more could be with a larger budget.
  bool Move(Budget budget, Clock::time_point now);
  // How many bytes the transfers that wait on an IN endpoint have room for.
  size_t Room(uint8_t endpoint) const;
  // When the first of the transfers that are held back is due.
  std::optional<Clock::time_point> NextDue() const;

  // Gives all back with -ESHUTDOWN.
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
