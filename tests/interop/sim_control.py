"""The simulator's control port: what a test does to the boards behind everybody's back (sim/control.h)."""

import json
import socket

from stack import BOUND, LOOPBACK


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
