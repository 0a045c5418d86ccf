// A CMSIS-DAP 2.1 debug probe without its cable: request packets in, reply packets out.
//
// Nothing here knows a transport or waits: where the firmware of a real probe would take time, the reply says how much.
// A command that is unknown, cut short, or whose reply would not fit a packet is answered by 0xFF, and nothing of it is
// done. Its state stays when a client leaves, as it does when a program that used USB ends.
//
// Threads: one at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/protocol.h"
#include "sim/cmsis_dap/swo_capture.h"
#include "sim/cmsis_dap/transfer.h"
#include "sim/target/chip.h"

namespace probegate::sim {

struct Reply {
  std::array<uint8_t, kMaxPacketSize> buffer;
  size_t size = 0;
  std::chrono::microseconds busy{0};  // for which the probe would have worked or waited

  std::span<const uint8_t> bytes() const { return {buffer.data(), size}; }
};

class Device {
 public:
  // `chip` is on the probe's connector and must outlive it. `timer` is the test domain timer: microseconds, wrapping.
  Device(Chip& chip, std::string serial, std::function<uint32_t()> timer);

  // Takes one request packet (up to kMaxPacketSize) and answers the replies that are due, which last until the next
  // call. Mostly one; none for DAP_TransferAbort (every transfer has ended when the next packet is taken) and for
  // DAP_QueueCommands, whose replies come with that of the next packet of another kind. A probe has room for four
  // packets: when the fourth is queued, all are done.
  std::span<const Reply> Process(std::span<const uint8_t> packet);

  // The probe loses its power, and its state with it; the target's stays.
  void Unplug();

  const std::string& serial() const { return serial_; }
  uint32_t clock_hz() const { return clock_hz_; }
  bool connected() const { return port_ != Port::kNone; }
  bool reset_asserted() const { return reset_asserted_; }
  Transfers& transfers() { return transfers_; }
  // What has been captured, for a transport that has an endpoint for it.
  SwoCapture& swo() { return swo_; }

 private:
  enum class Port : uint8_t { kNone, kSwd, kJtag };  // as DAP_Connect has them
  using Handler = bool (Device::*)(RequestReader&, ReplyWriter&);
  struct CommandRow {
    Command command;
    Handler handler;
  };
  static const CommandRow kCommands[];

  void Execute(std::span<const uint8_t> packet);
  void ExecuteOne(RequestReader& request, ReplyWriter& reply);
  void ExecuteList(RequestReader& request, ReplyWriter& reply);

  bool Info(RequestReader& request, ReplyWriter& reply);
  bool HostStatus(RequestReader& request, ReplyWriter& reply);
  bool Connect(RequestReader& request, ReplyWriter& reply);
  bool Disconnect(RequestReader& request, ReplyWriter& reply);
  bool Delay(RequestReader& request, ReplyWriter& reply);
  bool ResetTarget(RequestReader& request, ReplyWriter& reply);
  bool SwjPins(RequestReader& request, ReplyWriter& reply);
  bool SwjClock(RequestReader& request, ReplyWriter& reply);
  bool SwjSequence(RequestReader& request, ReplyWriter& reply);
  bool SwdConfigure(RequestReader& request, ReplyWriter& reply);
  bool SwdSequence(RequestReader& request, ReplyWriter& reply);
  bool JtagSequence(RequestReader& request, ReplyWriter& reply);
  bool JtagConfigure(RequestReader& request, ReplyWriter& reply);
  bool JtagIdcode(RequestReader& request, ReplyWriter& reply);
  bool SwoTransport(RequestReader& request, ReplyWriter& reply);
  bool SwoMode(RequestReader& request, ReplyWriter& reply);
  bool SwoBaudrate(RequestReader& request, ReplyWriter& reply);
  bool SwoControl(RequestReader& request, ReplyWriter& reply);
  bool SwoStatus(RequestReader& request, ReplyWriter& reply);
  bool SwoExtendedStatus(RequestReader& request, ReplyWriter& reply);
  bool SwoData(RequestReader& request, ReplyWriter& reply);
  bool TransferConfigure(RequestReader& request, ReplyWriter& reply) { return transfers_.Configure(request, reply); }
  bool Transfer(RequestReader& request, ReplyWriter& reply) { return transfers_.Transfer(request, reply, connected()); }
  bool TransferBlock(RequestReader& request, ReplyWriter& reply) {
    return transfers_.TransferBlock(request, reply, connected());
  }
  bool WriteAbort(RequestReader& request, ReplyWriter& reply) {
    return transfers_.WriteAbort(request, reply, connected());
  }

  void ClockPins(bool level);
  void DriveReset(bool asserted);

  Chip& chip_;
  const std::string serial_;
  const std::function<uint32_t()> timer_;
  Transfers transfers_;
  SwoCapture swo_;
  Port port_ = Port::kNone;
  bool reset_asserted_ = false;
  bool swclk_ = true;  // as they were last driven
  bool swdio_ = true;
  bool tdi_ = true;
  uint32_t clock_hz_;
  std::chrono::microseconds busy_{0};  // of the packet under way
  std::vector<std::vector<uint8_t>> queued_;
  std::array<Reply, kPacketCount + 1> replies_;
  size_t reply_count_ = 0;
};

}  // namespace probegate::sim
