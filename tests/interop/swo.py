"""SWO in tests: a target that sends SWO data, driven through the simulator's control port, and
readers that use pyOCD's parser."""

import contextlib
import os
import re
import struct
import subprocess
import sys

from grpc_client import StreamSession
from pyocd.trace.events import TraceITMEvent
from pyocd.trace.swo import SWOParser
from stack import BOUND, free_port, wait_until

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
    """The register writes that turn on SWO for all stimulus ports, without timestamps: (address, value)."""
    return [
        (DEMCR, 1 << 24),
        (LAR, 0xC5ACCE55),
        (TCR, TCR_ON),
        (TER, 0xFFFFFFFF),
        (TRACECONFIG, 1 << 16),
        (ACPR, TRACE_CLOCK // baud - 1),
        (SPPR, 2),
        (FFCR, 0x100),
    ]


class Target:
    """A board whose SWO is on. `read(address)` and `write(address, value)` access its memory."""

    def __init__(self, read, write, baud=BAUD):
        self.read, self.write = read, write
        for address, value in registers(baud):
            write(address, value)

    @classmethod
    def of_board(cls, sim, board=0, baud=BAUD):
        return cls(
            lambda address: sim.call("read_word", board=board, address=address)["value"],
            lambda address, value: sim.call("write_word", board=board, address=address, value=value),
            baud,
        )

    def send(self, words, port=0):
        """Sends words, each when the port is ready: a port that is not ready drops what is written to it."""
        address = STIM0 + 4 * port
        for word in words:
            wait_until(lambda: self.read(address) & 1, "the port is ready")
            self.write(address, word)

    def send_for_ever(self):
        """Starts a program in RAM that sends forever, as fast as the pin allows."""
        for offset in range(0, len(ENDLESS), 4):
            word = ENDLESS[offset : offset + 4].ljust(4, b"\0")
            self.write(RAM_PROGRAM + offset, int.from_bytes(word, "little"))
        self.write(DHCSR, 0xA05F0003)
        self.write(DCRDR, RAM_PROGRAM | 1)
        self.write(DCRSR, 1 << 16 | 15)
        self.write(DHCSR, 0xA05F0001)


def packet(word, port=0):
    """The SWO packet of a word that is written to a stimulus port."""
    return bytes([port << 3 | 3]) + struct.pack("<I", word)


class Text:
    """The text that was sent on stimulus port 0, extracted by pyOCD's parser."""

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


@contextlib.contextmanager
def gdbserver(uid, log_path, *flags, baud=BAUD, environment=None):
    """Runs a `pyocd gdbserver` that prints the target's SWO output. Yields a function that returns what it has printed,
    and ends it with SIGINT."""
    argv = [
        sys.executable,
        "-m",
        "pyocd",
        "gdbserver",
        "--no-config",
        "--uid",
        uid,
        "--target",
        "nrf52840",
        "--connect",
        "attach",
        "--port",
        str(free_port()),
        "--telnet-port",
        str(free_port()),
        "-O",
        "enable_swv=true",
        "-O",
        f"swv_system_clock={TRACE_CLOCK}",
        "-O",
        f"swv_clock={baud}",
        "-O",
        f"swv_raw_port={free_port()}",
        *flags,
    ]
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=log_path.parent,
            env={**(environment or os.environ), "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield log_path.read_text
        # If it is interrupted while it starts, it ends with an error.
        wait_until(lambda: "GDB server listening" in log_path.read_text(), "pyOCD has started")
        process.send_signal(2)
        assert process.wait(BOUND) in (0, -2), log_path.read_text()
    finally:
        process.kill()
        process.wait()


def seconds_in(text):
    """The numbers in the complete lines; the first line may be incomplete."""
    return [int(n) for n in re.findall(r"second (\d+)\n", text)]


def is_gapless(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def wait_for_seconds(read, count=3):
    numbers = wait_until(
        lambda: (n := seconds_in(read())) and len(n) >= count and n, f"{count} numbered lines were printed", 2 * BOUND
    )
    assert is_gapless(numbers), numbers


class Reader:
    """Collects all data that `read()` returns."""

    def __init__(self, read):
        self.read = read
        self.data = b""

    def more(self):
        self.data += bytes(self.read())
        return self.data

    def text(self):
        found = Text()
        return found.feed(self.more())

    def wait_for(self, expected):
        wait_until(lambda: len(self.more()) >= len(expected), f"{len(expected)} bytes arrive")
        assert self.data == expected


def reader(client):
    return Reader(lambda: client.call("swo_read"))


def subscribe(api, address, probe, baud):
    """A gRPC session that receives the probe's SWO data. Unlike the remote protocol, gRPC also
    reports lost and garbled data."""
    session = StreamSession(api, address, probe)
    session.command("Open")
    session.command("SwoStart", baudrate=baud)
    return session
