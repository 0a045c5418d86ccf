"""A bridge between the server and a board's port that passes on CMSIS-DAP packets, and spoils one reply when a test asks
for it. It serves one connection after another, each with a connection of its own to the board."""

import contextlib
import socket
import struct
import threading

from stack import BOUND, LOOPBACK

HEADER = struct.Struct("<IHBB")
SIGNATURE, RESPONSE = 0x00504144, 2
TRANSFER_ABORT = 0x07  # has no reply


def framed(packet):
    return HEADER.pack(SIGNATURE, len(packet), RESPONSE, 0) + packet


# What is sent instead of the reply, and what is sent before the reply after it.
FAULTS = {
    "late": lambda reply: (b"", framed(reply)),
    "lost": lambda reply: (b"", b""),
    "of another command": lambda reply: (framed(bytes([0x11, 0])), b""),
    "after that of another command": lambda reply: (framed(bytes([0x11, 0])) + framed(reply), b""),
    "twice": lambda reply: (framed(reply) * 2, b""),
    "cut off": lambda reply: (framed(reply)[:-1], b""),
    "no packet": lambda reply: (b"Service Unavailable", b""),
    "none on this connection": lambda reply: (None, b""),
}


class DapProxy(threading.Thread):
    def __init__(self, board_port):
        super().__init__(daemon=True)
        self.board_port = board_port
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self._fault = None
        self._command = None
        self._silent = False
        self.start()

    def spoil_next(self, fault, command):
        """Spoils the next reply to `command`, as FAULTS says."""
        self._command = command
        self._fault = FAULTS[fault]

    def done(self):
        """Whether the reply has been spoiled."""
        return self._fault is None

    def run(self):
        while True:
            client, _ = self.listener.accept()
            self.connections += 1
            self._silent = False
            with client, socket.create_connection((LOOPBACK, self.board_port), timeout=BOUND) as board:
                for end in (client, board):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with contextlib.suppress(OSError):
                    self._serve(client, board)

    def _serve(self, client, board):
        before = b""
        while (request := take(client)) is not None:
            board.sendall(request)
            command = request[HEADER.size]
            if command == TRANSFER_ABORT:
                continue
            reply = take(board)
            if reply is None:
                return
            fault = self._fault if command == self._command else None
            if fault is None:
                sent, before = before + reply, b""
            else:
                sent, before = fault(reply[HEADER.size :])
                self._silent = sent is None
                self._fault = None
            if not self._silent:
                client.sendall(sent)


def take(end):
    """The next packet with its header; None if the connection was closed."""
    data = b""
    while len(data) < HEADER.size or len(data) < HEADER.size + HEADER.unpack_from(data)[1]:
        wanted = HEADER.size if len(data) < HEADER.size else HEADER.size + HEADER.unpack_from(data)[1]
        part = end.recv(wanted - len(data))
        if not part:
            return None
        data += part
    return data
