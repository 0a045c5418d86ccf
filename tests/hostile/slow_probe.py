"""A CMSIS-DAP probe on TCP that is slow in a way that a test chooses. The rest of it is a board of probegate-sim, to
which it passes packets on.

"clock": the wire takes the time that its clock says, as a real one's does. "late": every reply is late by a fixed time.
"byte by byte": a reply comes in single bytes. "silent": no reply comes at all. "endless WAIT": every transfer is answered
WAIT, after the time that a probe tries it again.
"""

import contextlib
import socket
import struct
import threading

from stack import BOUND, LOOPBACK

HEADER = struct.Struct("<IHBB")
SIGNATURE, RESPONSE = 0x00504144, 2
TRANSFER, TRANSFER_BLOCK, TRANSFER_ABORT, SWJ_CLOCK, SWJ_SEQUENCE = 0x05, 0x06, 0x07, 0x11, 0x12
SWD_SEQUENCE, JTAG_SEQUENCE = 0x1D, 0x14
CLOCKS_PER_TRANSFER = 50
ACK_WAIT = 2


class SlowProbe(threading.Thread):
    def __init__(self, board_port):
        super().__init__(daemon=True)
        self.board_port = board_port
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port = self.listener.getsockname()[1]
        self.manner = "clock"
        self.late = 0.9  # seconds
        self.byte_pause = 0.05
        self.wire_packets = 0  # that keep the wire busy, and have come
        self._clock = 1_000_000
        self._pause = threading.Event()  # never set: a way to let time pass
        self.start()

    def run(self):
        while True:
            server, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def _serve(self, server):
        with server, socket.create_connection((LOOPBACK, self.board_port), timeout=BOUND) as board:
            for end in (server, board):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError, EOFError):
                while True:
                    self._answer(server, board, _take(server))

    def _answer(self, server, board, request):
        board.sendall(HEADER.pack(SIGNATURE, len(request), 1, 0) + request)
        if _clocks(request):
            self.wire_packets += 1
        if request[0] == TRANSFER_ABORT:
            return
        reply = _take(board)
        manner = self.manner
        if manner == "silent":
            return
        if request[0] == SWJ_CLOCK:
            self._clock = int.from_bytes(request[1:5], "little")
        if manner == "clock":
            self._pause.wait(_clocks(request) / self._clock)
        if manner == "late":
            self._pause.wait(self.late)
        if manner == "endless WAIT" and request[0] in (TRANSFER, TRANSFER_BLOCK):
            self._pause.wait(0.1)
            reply = (
                bytes([TRANSFER, 0, ACK_WAIT]) if request[0] == TRANSFER else bytes([TRANSFER_BLOCK, 0, 0, ACK_WAIT])
            )
        framed = HEADER.pack(SIGNATURE, len(reply), RESPONSE, 0) + reply
        if manner != "byte by byte":
            server.sendall(framed)
            return
        for byte in framed:
            server.sendall(bytes([byte]))
            self._pause.wait(self.byte_pause)


def _clocks(request):
    """How long the request keeps the wire busy."""
    if request[0] == SWJ_SEQUENCE:
        return request[1] or 256
    if request[0] == TRANSFER:
        return CLOCKS_PER_TRANSFER * request[2]
    if request[0] == TRANSFER_BLOCK:
        return CLOCKS_PER_TRANSFER * int.from_bytes(request[2:4], "little")
    if request[0] in (JTAG_SEQUENCE, SWD_SEQUENCE):
        return 64 * request[1]
    return 0


def _take(end):
    """The next packet without its header."""
    data = b""
    while len(data) < HEADER.size or len(data) < HEADER.size + HEADER.unpack_from(data)[1]:
        wanted = HEADER.size if len(data) < HEADER.size else HEADER.size + HEADER.unpack_from(data)[1]
        part = end.recv(wanted - len(data))
        if not part:
            raise EOFError
        data += part
    return data[HEADER.size :]
