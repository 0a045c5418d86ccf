"""Measures one device on an emulated high-speed bus with three hosts in turn: pyOCD itself, `pyocd server`, and
Probegate.

A device can have only one host at a time, so each host is started for its turn and ended afterwards, which is not part
of the figures. The client is the same unmodified pyOCD in all cases, and the bus and the board are the same, too.
"""

import contextlib
import dataclasses
import os
import pathlib
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from raw_client import RawClient
from stack import IDLE_PROGRAM, LOOPBACK, METRICS_FLAGS, SERVER_LISTENS, Program, free_port, wait_until
from usb_bus import UsbBus

HERE = pathlib.Path(__file__).parent
SERIAL = "BENCH"
# The flash takes no time, so that only the time of the transfers is measured.
BUS_FLAGS = ["--speed", "high", "--sim-flag=--flash-speed=1000000"]
IMAGE_SIZE = 128 * 1024


@dataclasses.dataclass
class Measure:
    key: str
    name: str
    unit: str
    more_is_better: bool = False


MEASURES = [
    Measure("attach", "pyOCD attaches", "ms"),
    Measure("read32", "pyOCD reads one word", "us"),
    Measure("read", "pyOCD reads 64 KiB", "KB/s", more_is_better=True),
    Measure("write", "pyOCD writes 64 KiB", "KB/s", more_is_better=True),
    Measure("flash", f"pyocd flash, {IMAGE_SIZE // 1024} KiB", "s"),
]


class UsbHosts:
    """The bus and its hosts. A host is a context manager that yields the probe's unique ID for pyOCD, and the
    environment for the client."""

    def __init__(self, programs, run):
        """`run(argv, environment)` runs a program and returns the JSON that it prints."""
        self._programs = programs
        self._run = run
        self._directory = tempfile.TemporaryDirectory(prefix="probegate-usb-")
        self.bus = UsbBus([f"cmsis-dap-v2,serial={SERIAL}"], self._directory.name, BUS_FLAGS)
        self._images = 0

    def close(self):
        self.bus.close()
        self._directory.cleanup()

    @contextlib.contextmanager
    def local(self):
        yield SERIAL, self.bus.environment

    @contextlib.contextmanager
    def stock(self):
        port = free_port()
        process = self._start(
            "stock", [sys.executable, "-m", "pyocd", "server", "--no-config", "-u", SERIAL, "-p", port]
        )
        try:
            wait_until(lambda: _listens(port), "pyocd server listens")
            yield f"remote:{LOOPBACK}:{port}", os.environ
        finally:
            process.signal(signal.SIGTERM)
            process.wait()

    @contextlib.contextmanager
    def ours(self):
        server = self._start(
            "usb-server", [self._programs.path("probegate-server"), "--listen", f"{LOOPBACK}:0", *METRICS_FLAGS]
        )
        try:
            address = f"{LOOPBACK}:{server.wait_for_line(SERVER_LISTENS)[1]}"
            gateway = self._start(
                "usb-gateway",
                [
                    self._programs.path("probegate-gateway"),
                    "--server",
                    address,
                    "--port",
                    free_port(),
                    "--state",
                    self.bus.directory / "state",
                    *METRICS_FLAGS,
                ],
            )
            try:
                port = gateway.wait_for_line(rf"Serving debug probe .*\({SERIAL}\) on port (\d+)")[1]
                yield f"remote:{LOOPBACK}:{port}", os.environ
            finally:
                gateway.stop()
        finally:
            server.stop()

    def _start(self, name, words):
        """Starts a program that sees the bus."""
        variables = (f"{name}={value}" for name, value in self.bus.facts["environment"].items())
        return Program(name, ["env", *variables, *words], self.bus.directory)

    def measure_in_turn(self, repeats, attaches):
        """Measures each host in turn; returns the medians: {host: {key: figure}}."""
        hosts = {"local": self.local, "stock": self.stock, "ours": self.ours}
        runs = {name: [] for name in hosts}
        for _ in range(repeats):
            for name, host in hosts.items():
                runs[name].append(self.measure(host, attaches))
        return {
            name: {m.key: statistics.median(run[m.key] for run in found) for m in MEASURES}
            for name, found in runs.items()
        }

    def measure(self, host, attaches):
        with host() as (uid, environment):
            times = self._run([sys.executable, HERE / "client_timing.py", uid, attaches], environment)
            return {
                "attach": times["attach"],
                "read32": 1e3 * times["read32"],
                "read": 65.536e3 / times["read_64k"],
                "write": 65.536e3 / times["write_64k"],
                "flash": self._flash(uid, environment),
            }

    def _flash(self, uid, environment):
        """The duration of a whole `pyocd flash` in seconds. Every page of the image differs from the previous image."""
        self._images += 1
        image = self.bus.directory / "image.bin"
        image.write_bytes(IDLE_PROGRAM + random.Random(self._images).randbytes(IMAGE_SIZE - len(IDLE_PROGRAM)))
        start = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "pyocd", "flash", "--no-config", "-u", uid, "-t", "nrf52840", image],
            env=environment,
            cwd=self.bus.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        if ended.returncode != 0:
            raise RuntimeError(ended.stderr)
        self._check(image.read_bytes())
        return seconds

    def _check(self, contents):
        """Checks one word of each page in flash."""
        with self.bus.board() as board:
            for offset in range(0, len(contents), 4096):
                expected = struct.unpack_from("<I", contents, offset)[0]
                if board.call("read_word", board=0, address=offset)["value"] != expected:
                    raise RuntimeError(f"flash at {offset:#x} does not contain the data that was sent")


def _listens(port):
    try:
        RawClient(port).close()
    except OSError:
        return False
    return True
