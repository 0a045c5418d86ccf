"""A client of the simulator's control port, which accesses boards without a debug probe (sim/control.h)."""

import json
import socket

from stack import BOUND, LOOPBACK, wait_until

# Registers of the nRF52840's POWER peripheral: RESETREAS records the reasons of resets until it is cleared. GPREGRET is
# retained over a reset by software; a reset by the pin clears it.
RESETREAS, GPREGRET = 0x40000400, 0x4000051C
BY_PIN, BY_SOFTWARE = 1 << 0, 1 << 2


class SimControl:
    def __init__(self, port):
        self.socket = socket.create_connection((LOOPBACK, port), timeout=BOUND)
        self.lines = self.socket.makefile("rb")

    def close(self):
        self.lines.close()
        self.socket.close()

    def call(self, command, **arguments):
        self.socket.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
        reply = json.loads(self.lines.readline())
        assert reply["ok"], (command, arguments, reply)
        return reply

    def unplug(self, board):
        self.call("unplug", board=board)

    def plug(self, board):
        self.call("plug", board=board)

    def is_connected(self, board):
        """Whether the probe's pins drive the target."""
        return self.call("state", board=board)["connected"]


class BoardMemory:
    """Reads and writes the first board's memory, and sees its core."""

    def __init__(self, control):
        self.control = control

    def read(self, address):
        return self.control.call("read_word", board=0, address=address)["value"]

    def write(self, address, value):
        self.control.call("write_word", board=0, address=address, value=value)

    def core(self):
        return self.control.call("state", board=0)["core"]

    def wait_for_change(self, address):
        before = self.read(address)
        wait_until(lambda: self.read(address) != before, f"the word at {address:#x} changes")
