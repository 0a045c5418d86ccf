// A CMSIS-DAP 2.1 debug probe without its cable: request packets in, reply packets out.
//
// The device knows no transport and never waits: where the firmware of a real probe would take time, the reply says how
// long. A command that is unknown or cut short, or whose reply would not fit a packet, is answered with 0xFF and has no
// effect. When a client disconnects, the device keeps its state, as a USB probe does when the program that used it
// ends.
//
// Each family of commands is a type of its own, with the state it works on; the device has a table that binds commands
// to their handlers, and what concerns whole packets: queues and lists of commands.
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

#include "sim/cmsis_dap/command_quirks.h"
#include "sim/cmsis_dap/jtag_commands.h"
#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/pin_commands.h"
#include "sim/cmsis_dap/probe_pins.h"
#include "sim/cmsis_dap/protocol.h"
#include "sim/cmsis_dap/swd_commands.h"
#include "sim/cmsis_dap/swo_capture.h"
#include "sim/cmsis_dap/swo_commands.h"
#include "sim/cmsis_dap/transfer.h"
#include "sim/target/chip.h"

namespace probegate::sim {

struct Reply {
  std::array<uint8_t, kMaxPacketSize> buffer;
  size_t size = 0;
  std::chrono::microseconds busy{0};  // how long a real probe would have worked or waited

  std::span<const uint8_t> bytes() const { return {buffer.data(), size}; }
};

class Device {
 public:
  // `chip` is on the probe's connector and must outlive it. `timer` is the test domain timer: microseconds, wrapping.
  Device(Chip& chip, std::string serial, std::function<uint32_t()> timer);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Takes one request packet (up to kMaxPacketSize) and returns the replies that are due, which stay valid until the
  // next call. Usually there is one. There is none for DAP_TransferAbort (by the time a packet is taken, every transfer
  // has ended), nor for DAP_QueueCommands, whose replies come with that of the next packet of another kind. The probe
  // has room for four packets: when the fourth is queued, all four are executed.
  std::span<const Reply> Process(std::span<const uint8_t> packet);

  // From now on the firmware has these quirks, and no others.
  void set_quirks(const CommandQuirks& quirks);

  // The probe loses its power, and with it its state; the target keeps its own.
  void Unplug();

  const std::string& serial() const { return serial_; }
  const ProbePins& pins() const { return pins_; }
  Transfers& transfers() { return transfers_; }
  // The captured SWO data, for a transport that has an endpoint for it.
  SwoCapture& swo() { return swo_; }

 private:
  struct CommandRow {
    Command command;
    bool (*handler)(Device& device, RequestReader& request, ReplyWriter& reply);
  };
  static const CommandRow kCommands[];

  // The handler kHandler of the device's member kFamily.
  template <auto kFamily, auto kHandler>
  static bool Call(Device& device, RequestReader& request, ReplyWriter& reply) {
    return (device.*kFamily.*kHandler)(request, reply);
  }
  // A handler of the device's own.
  template <auto kHandler>
  static bool CallOwn(Device& device, RequestReader& request, ReplyWriter& reply) {
    return (device.*kHandler)(request, reply);
  }

  void Execute(std::span<const uint8_t> packet);
  void ExecuteOne(RequestReader& request, ReplyWriter& reply);
  void ExecuteList(RequestReader& request, ReplyWriter& reply);

  bool Info(RequestReader& request, ReplyWriter& reply);
  bool HostStatus(RequestReader& request, ReplyWriter& reply);
  bool Delay(RequestReader& request, ReplyWriter& reply);
  bool ResetTarget(RequestReader& request, ReplyWriter& reply);

  const std::string serial_;
  const std::function<uint32_t()> timer_;
  ProbePins pins_;
  Transfers transfers_;
  SwoCapture swo_;
  PinCommands pin_commands_;
  SwdCommands swd_commands_;
  JtagCommands jtag_commands_;
  SwoCommands swo_commands_;
  CommandQuirks quirks_;
  std::chrono::microseconds busy_{0};  // of the current packet
  std::vector<std::vector<uint8_t>> queued_;
  std::array<Reply, kPacketCount + 1> replies_;
  size_t reply_count_ = 0;
};

}  // namespace probegate::sim
