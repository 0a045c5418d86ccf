"""A minimal client of the remote probe protocol: JSON lines over TCP, with no library between the test and the wire."""

import json
import socket

from stack import BOUND, LOOPBACK

# Registers and values of the debug interface (ADIv5.2) that the tests use.
DPIDR, CTRL_STAT, SELECT, RDBUFF = 0x0, 0x4, 0x8, 0xC
ABORT = 0x0
CSW, TAR, DRW, AP_IDR = 0x00, 0x04, 0x0C, 0xFC
POWER_UP = 0x50000000
POWERED = 0xF0000000
CLEAR_STICKY = 0x1E
CSW_WORDS, CSW_HALFWORDS, CSW_BYTES = 0x23000052, 0x23000051, 0x23000050  # auto-increment by one access

RAM = 0x20000000
FAULTING = 0x60000000  # nothing is mapped there

GENERAL, DISCONNECTED, PROBE_ERROR, TRANSFER, TIMEOUT, FAULT = 1, 2, 3, 10, 11, 12


class RemoteError(Exception):
    def __init__(self, request, status, message):
        super().__init__(f"{request}: status {status}: {message}")
        self.status = status
        self.message = message


class RawClient:
    def __init__(self, port, host=LOOPBACK, bound=BOUND, source=None):
        """`source` is the address of this machine to connect from, if it matters."""
        self.socket = socket.create_connection((host, port), timeout=bound, source_address=source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.next_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()

    def abort(self):
        """Ends the connection with a TCP reset instead of an orderly close."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, request, *arguments):
        message = {"id": self.next_id, "request": request}
        if arguments:
            message["arguments"] = list(arguments)
        self.next_id += 1
        self.send_bytes(json.dumps(message).encode() + b"\n")
        return message["id"]

    def receive_line(self):
        """The next line without its line feed; empty if the gateway has closed the connection."""
        return self.lines.readline().rstrip(b"\n")

    def receive(self):
        line = self.receive_line()
        if not line:
            raise EOFError("the gateway closed the connection")
        return json.loads(line)

    def result(self, request, expected_id):
        reply = self.receive()
        assert reply["id"] == expected_id, reply
        if reply["status"] != 0:
            raise RemoteError(request, reply["status"], reply["error"])
        assert "error" not in reply, reply
        return reply.get("result")

    def call(self, request, *arguments):
        return self.result(request, self.send(request, *arguments))

    def status(self, request, *arguments):
        """Makes a call and returns only its status number; 0 means success."""
        try:
            self.call(request, *arguments)
        except RemoteError as error:
            return error.status
        return 0

    def attach(self):
        """Establishes the link as pyOCD does, so that memory can be read."""
        self.call("hello", 1)
        self.call("open")
        self.call("connect", "SWD")
        self.wake()
        return self

    def wake(self):
        """Sends a line reset and the JTAG-to-SWD sequence, powers up, and sets up word accesses through AP 0."""
        self.call("lock")
        self.call("swj_sequence", 51, (1 << 51) - 1)
        self.call("swj_sequence", 16, 0xE79E)
        self.call("swj_sequence", 51, (1 << 51) - 1)
        self.call("swj_sequence", 8, 0)
        self.call("read_dp", DPIDR)
        self.call("unlock")
        self.call("write_dp", ABORT, CLEAR_STICKY)
        self.call("write_dp", CTRL_STAT, POWER_UP)
        while self.call("read_dp", CTRL_STAT) & POWERED != POWERED:
            pass
        self.call("write_ap", CSW, CSW_WORDS)
        self.call("flush")  # wait until all posted writes are done

    def take_lock(self):
        """Takes the lock. The gateway answers `lock` before the lock is taken, but answers `flush` only afterwards."""
        self.call("lock")
        self.call("flush")

    def detach(self):
        self.call("disconnect")
        self.call("close")

    def read_word(self, address):
        self.call("write_ap", TAR, address)
        return self.call("read_ap", DRW)

    def write_word(self, address, value):
        self.call("write_ap", TAR, address)
        self.call("write_ap", DRW, value)

    def read_words(self, address, count):
        self.call("write_ap", TAR, address)
        return self.call("read_ap_multiple", DRW, count)
