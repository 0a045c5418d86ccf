"""A client that talks to a simulated probe directly: CMSIS-DAP packets over TCP, one at a time, without Probegate."""

import socket
import struct

from stack import BOUND, LOOPBACK

# Requests of DAP_Transfer.
READ_DPIDR, READ_RDBUFF = 0x2, 0xE
WRITE_ABORT, WRITE_CTRL_STAT, WRITE_SELECT = 0x0, 0x4, 0x8
WRITE_CSW, WRITE_TAR, WRITE_DRW, READ_DRW = 0x1, 0x5, 0xD, 0xF
OK = 1


class DapClient:
    def __init__(self, port):
        self.socket = socket.create_connection((LOOPBACK, port), timeout=BOUND)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def command(self, packet):
        self.socket.sendall(struct.pack("<IHBB", 0x00504144, len(packet), 1, 0) + packet)
        _, size, _, _ = struct.unpack("<IHBB", self._take(8))
        return self._take(size)

    def _take(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError("the board has closed the connection")
            data += part
        return data

    def transfer(self, *requests):
        """Runs one DAP_Transfer: (request, value) for a write, (request,) for a read. Returns the
        words that were read."""
        packet = bytes([0x05, 0, len(requests)])
        for request, *value in requests:
            packet += bytes([request]) + (struct.pack("<I", *value) if value else b"")
        reply = self.command(packet)
        assert (reply[1], reply[2]) == (len(requests), OK), (requests, reply)
        return list(struct.unpack(f"<{(len(reply) - 3) // 4}I", reply[3:]))

    def power_up(self):
        """Connects with SWD and powers the debug domain up. The APs stay as they are."""
        self.command(bytes([0x02, 1]))
        for bits, value in ((56, (1 << 56) - 1), (16, 0xE79E), (56, (1 << 52) - 1)):
            self.command(bytes([0x12, bits]) + value.to_bytes(bits // 8, "little"))
        self.transfer((READ_DPIDR,), (WRITE_ABORT, 0x1E), (WRITE_SELECT, 0), (WRITE_CTRL_STAT, 0x50000000))

    def attach(self):
        """Connects, and prepares the MEM-AP, so that memory can be read and written."""
        self.power_up()
        self.transfer((WRITE_CSW, 0x23000052))

    def read(self, address):
        return self.transfer((WRITE_TAR, address), (READ_DRW,))[0]

    def write(self, address, *words):
        for first in range(0, len(words), 128):
            self.transfer((WRITE_TAR, address + 4 * first), *((WRITE_DRW, word) for word in words[first : first + 128]))
