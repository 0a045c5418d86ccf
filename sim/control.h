// The control port: lets a test inspect and disturb the boards without their users' knowledge.
//
// Each request and each reply is one JSON object on a line; requests are answered in order. A request is {"command":
// NAME, …} and may have an "id" of any type, which the reply repeats. A reply is {"ok": true, …} or {"ok": false,
// "error": TEXT}. A request that fails changes nothing (except that plug of several boards stops at the first whose
// port is in use). An unknown argument is an error too. Numbers are decimal, as always in JSON.
//
// "board" is a board's number. If it is absent, a command that changes something acts on every board.
//
//   command        arguments                                     reply
//   boards                                                       boards: a list of {board, serial, host, port, plugged,
//                                                                client (whether one is connected)}
//   set_latency    [board] microseconds (0 to 60000000)
//   inject         [board] fault [at] [times] …                  see below
//   clear_faults   [board]                                       disarms everything that inject has armed
//   unplug         [board]                                       closes the connection and refuses others
//   plug           [board]                                       listens again on the same port
//   power_cycle    [board]                                       the target loses its power and gets it back
//   quirk          [board] quirk                                 turns on "NAME" or "NAME=VALUE", as --quirk does
//   clear_quirks   [board] [quirk]                               turns off one ("NAME", all its values), or all
//   quirks         board                                         quirks: a list of {quirk (its name), value (its form),
//                                                                effect, seen_in, on (the values that are on)}
//   counters       board                                         packets, replies, transfers, ap_writes, connections,
//                                                                refused, lost: since the start
//   state          board                                         see below
//   read_word      board address                                 value: 32 bits at a multiple of 4
//   write_word     board address value                           a write on the target's bus, which flash ignores
//   pins           board                                         ports: for P0 and P1 {out, dir, levels}, a bit for
//                                                                each pin
//   drive_pin      [board] port pin level                        drives a pin from outside: "high", "low" or "floating"
//                                                                (as at the start), until the next such command
//
// When unplug is answered, the connection has been closed and the probe has lost its state (it is not connected, has
// the default clock, has released nRESET and has nothing queued); the target keeps its own. When plug is answered, the
// board accepts connections.
//
// After power_cycle the target has its flash and nothing else: the DP and the APs are as after power-up, with the link
// lost, RAM has noise in it, and the core starts, unless the probe asserts nRESET. A probe with the quirk
// powered-by-target also closes its connection and loses its state, and accepts connections again at once.
//
// inject arms a fault for the `at`-th operation from now (1, the default, is the next) and the `times` - 1 operations
// after it (default 1; 0: until clear_faults). For the first three faults an operation is a transfer on the wire made
// by DAP_Transfer, DAP_TransferBlock or DAP_WriteABORT, including the probe's own retries and reads of RDBUFF; for the
// others it is a reply. The counters `transfers` and `replies` count these operations. If several faults of the same
// sort are due for one operation, the one armed first is injected.
//
//   fault           what it does
//   wait            the DP answers WAIT. Reads of DPIDR and CTRL/STAT and writes of ABORT never wait (ADIv5.2 §B4.2.4):
//                   they still get OK
//   fault           STICKYERR is set before the transfer, so this transfer and those after it get FAULT until ABORT
//                   clears the flag; the three registers above still get OK
//   no_ack          the DP takes the request for noise: it does not answer until a line reset and a read of DPIDR
//   drop_reply      the command runs, but its reply is not sent
//   stale_reply     the reply is held back until the next packet arrives, and sent before that packet's reply
//   repeat_reply    the reply is sent twice
//   late_reply      the reply, and with it everything after it, is sent `milliseconds` (0 to 60000, required) later
//   corrupt_reply   `corruption`: "command" (the default: the reply's first byte is inverted), "truncated" (only its
//                   first byte is sent, with a matching length in the header) or "signature" (the header's first byte
//                   is inverted)
//   unplug          instead of replying, the board is unplugged, until plug
//
// The reply to state has: plugged, client, connected (DAP_Connect), clock_hz, nreset_asserted, wire ("jtag", "swd",
// "dormant"), select and ctrl_stat (of the DP, read without using the wire), debug_power and system_power (the
// acknowledge bits), locked (access port protection), core ("running", "asleep", "locked up", "halted", "reset").
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sim/board_server.h"

namespace probegate::sim {

class Control {
 public:
  // `boards` has at least one board. The boards and the list must outlive it.
  explicit Control(std::span<const std::unique_ptr<BoardServer>> boards) : boards_(boards) {}

  // Returns the reply to one line, both without line endings. Never throws because of the line's contents. Blocks until
  // the boards concerned have executed the command; may be called from any thread but theirs.
  std::string Handle(std::string_view line) const;

 private:
  const std::span<const std::unique_ptr<BoardServer>> boards_;
};

}  // namespace probegate::sim
