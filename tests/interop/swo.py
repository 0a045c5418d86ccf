"""What tests do about SWO: a target that sends, by the simulator's control port, and its packets told apart by pyOCD's parser."""

import struct

from pyocd.trace.events import TraceITMEvent
from pyocd.trace.swo import SWOParser

BAUD = 1_000_000

STIM0, TER, TCR, LAR = 0xE0000000, 0xE0000E00, 0xE0000E80, 0xE0000FB0
TCR_ON, TCR_BUSY = 1, 1 << 23
ACPR, SPPR, FFCR = 0xE0040010, 0xE00400F0, 0xE0040304
TRACECONFIG = 0x4000055C
DHCSR, DCRSR, DCRDR, DEMCR = 0xE000EDF0, 0xE000EDF4, 0xE000EDF8, 0xE000EDFC
TRACE_CLOCK = 32_000_000

RAM_PROGRAM = 0x20000000
# movs r0, #0xE0; lsls r0, r0, #24; loop: ldr r1, [r0]; cmp r1, #0; beq loop; str r1, [r0]; b loop
ENDLESS = struct.pack("<7H", 0x20E0, 0x0600, 0x6801, 0x2900, 0xD0FC, 0x6001, 0xE7FA)


def registers(baud=BAUD):
    """What turns SWO on, all ports, without timestamps: addresses and values."""
    return [(DEMCR, 1 << 24), (LAR, 0xC5ACCE55), (TCR, TCR_ON), (TER, 0xFFFFFFFF), (TRACECONFIG, 1 << 16),
            (ACPR, TRACE_CLOCK // baud - 1), (SPPR, 2), (FFCR, 0x100)]


class Target:
    """A board whose SWO is on; `write(address, value)` reaches its memory."""

    def __init__(self, write, baud=BAUD):
        self.write = write
        for address, value in registers(baud):
            write(address, value)

    @classmethod
    def of_board(cls, sim, board=0, baud=BAUD):
        return cls(lambda address, value: sim.call("write_word", board=board, address=address, value=value), baud)

    def send(self, words, port=0):
        for word in words:
            self.write(STIM0 + 4 * port, word)

    def send_for_ever(self):
        """As fast as the pin lets it, from a program in RAM."""
        for offset in range(0, len(ENDLESS), 4):
            word = ENDLESS[offset:offset + 4].ljust(4, b"\0")
            self.write(RAM_PROGRAM + offset, int.from_bytes(word, "little"))
        self.write(DHCSR, 0xA05F0003)
        self.write(DCRDR, RAM_PROGRAM | 1)
        self.write(DCRSR, 1 << 16 | 15)
        self.write(DHCSR, 0xA05F0001)


def packet(word, port=0):
    """The bytes of a word on a port."""
    return bytes([port << 3 | 3]) + struct.pack("<I", word)


class Text:
    """The text on port 0, as pyOCD's parser finds it."""

    def __init__(self):
        self.text = ""
        self._parser = SWOParser(None)
        self._parser.connect(self)

    def receive(self, event):
        if isinstance(event, TraceITMEvent) and event.port == 0:
            self.text += event.data.to_bytes(event.width, "little").decode(errors="replace")

    def feed(self, data):
        self._parser.parse(data)
        return self.text
