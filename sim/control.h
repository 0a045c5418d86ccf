// The control port: what a test does to the boards behind the back of whoever is using them.
//
// One JSON object a line each way, answered in order. A request is {"command": NAME, …} and may carry an "id" of any
// kind, which the reply repeats. A reply is {"ok": true, …} or {"ok": false, "error": TEXT}; after an error nothing has
// changed (but plug of several boards stops at the first whose port has been taken). An argument that the command does
// not know is an error too. Numbers are decimal, as in all of JSON.
//
// "board" is a board's number. Commands that change something act on every board where it is absent.
//
//   command        arguments                                     reply
//   boards                                                       boards: a list of {board, serial, host, port, plugged,
//                                                                client (whether one is connected)}
//   set_latency    [board] microseconds (0 to 60000000)
//   inject         [board] fault [at] [times] …                  see below
//   clear_faults   [board]                                       forgets all that inject has armed
//   unplug         [board]                                       closes the connection and refuses others
//   plug           [board]                                       listens again on the same port
//   counters       board                                         packets, replies, transfers, ap_writes, connections,
//                                                                refused: since the start
//   state          board                                         see below
//   read_word      board address                                 value: 32 bits at a multiple of 4
//   write_word     board address value                           as the target's bus does it: flash ignores it
//   pins           board                                         ports: for P0 and P1 {out, dir, levels}, a bit a pin
//   drive_pin      [board] port pin level                        what the world outside does to a pin: "high", "low" or
//                                                                "floating" (as at the start), until told otherwise
//
// When unplug answers, the connection is closed; the probe has lost its state (not connected, default clock, nRESET
// released, nothing queued), the target has kept its own. When plug answers, connections are taken.
//
// inject arms a failure for the `at`-th operation from now (1, the default, is the next) and the `times` - 1 behind it
// (default 1; 0: until clear_faults). For the first three an operation is a transfer on the wire made by DAP_Transfer,
// DAP_TransferBlock or DAP_WriteABORT, the probe's own retries and reads of RDBUFF included; for the others a reply.
// `transfers` and `replies` of counters are these counts. Of failures of one of the two sorts that meet, the one armed
// first is made.
//
//   fault           what it does
//   wait            the DP answers WAIT. Reads of DPIDR and CTRL/STAT and writes of ABORT never wait (ADIv5.2 §B4.2.4):
//                   they still get OK
//   fault           STICKYERR has just been set: so this transfer and those behind it FAULT until ABORT clears it; the
//                   three registers above still answer
//   no_ack          the DP takes the request for noise: no answer, now or later, until a line reset and a read of DPIDR
//   drop_reply      the command runs, its reply is not sent
//   late_reply      the reply, and so all behind it, comes `milliseconds` (0 to 60000, required) later
//   corrupt_reply   `corruption`: "command" (default: the reply's first byte is inverted), "truncated" (only its first
//                   byte is sent; the header agrees) or "signature" (the header's first byte is inverted)
//   unplug          in place of the reply the board is unplugged, until plug
//
// state answers: plugged, client, connected (DAP_Connect), clock_hz, nreset_asserted, wire ("jtag", "swd", "dormant"),
// select and ctrl_stat (the DP's, without touching the wire), debug_power and system_power (the acknowledge bits),
// locked (access port protection), core ("running", "asleep", "locked up", "halted", "reset").
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sim/board_server.h"

namespace probegate::sim {

class Control {
 public:
  // At least one board; they and the list of them must outlive it.
  explicit Control(std::span<const std::unique_ptr<BoardServer>> boards) : boards_(boards) {}

  // Answers one line, both without their line end. Never throws for what is in the line. Blocks while the boards that
  // it names do what they were asked; from any thread but theirs.
  std::string Handle(std::string_view line) const;

 private:
  const std::span<const std::unique_ptr<BoardServer>> boards_;
};

}  // namespace probegate::sim
