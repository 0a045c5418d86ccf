"""A CMSIS-DAP probe on TCP that is slow in a way that a test chooses. The rest of it is a board of probegate-sim, to
which it passes packets on.

"clock": the wire takes the time that its clock says, as a real one's does. "late": every reply is late by a fixed time.
"byte by byte": a reply comes in single bytes. "silent": no reply comes at all. "endless WAIT": every transfer is answered
WAIT, after the time that a probe tries it again.
"""

import contextlib
import socket
import threading

from dap_proxy import HEADER, TRANSFER_ABORT, framed, take
from stack import BOUND, LOOPBACK

TRANSFER, TRANSFER_BLOCK, SWJ_CLOCK, SWJ_SEQUENCE = 0x05, 0x06, 0x11, 0x12
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
            with contextlib.suppress(OSError):
                while (packet := take(server)) is not None:
                    board.sendall(packet)
                    request = packet[HEADER.size :]
                    if _clocks(request):
                        self.wire_packets += 1
                    if request[0] == TRANSFER_ABORT:
                        continue
                    reply = take(board)
                    if reply is None:
                        return
                    self._answer(server, request, reply)

    def _answer(self, server, request, reply):
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
            counts = bytes(1 if request[0] == TRANSFER else 2)
            reply = framed(request[:1] + counts + bytes([ACK_WAIT]))
        if manner != "byte by byte":
            server.sendall(reply)
            return
        for byte in reply:
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
