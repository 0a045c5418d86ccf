"""An emulated USB bus for unmodified programs (tests/usbemu/README.md)."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from sim_control import SimControl
from stack import BOUND, IDLE_PROGRAM, Program

ROOT = pathlib.Path(__file__).parents[2]


def usbemu_path():
    """The path in PROBEGATE_USBEMU, or usbemu in the build directory PROBEGATE_BUILD."""
    build = pathlib.Path(os.environ.get("PROBEGATE_BUILD", ROOT / "build" / "dev"))
    path = pathlib.Path(os.environ.get("PROBEGATE_USBEMU", build / "tests" / "usbemu" / "usbemu")).resolve()
    assert path.exists(), f"no {path} (PROBEGATE_USBEMU, PROBEGATE_BUILD)"
    return path


class UsbBus:
    """A bus that is visible to programs that run with its environment. Devices are named by index or serial number."""

    def __init__(self, devices, directory, flags=(), idle=True):
        self.directory = pathlib.Path(directory)
        self.control_path = self.directory / "usbemu.sock"
        flags = list(flags)
        if idle and "--board" not in flags:
            # The boards run a program that sleeps and leaves RAM to the tests.
            program = self.directory / "idle.bin"
            program.write_bytes(IDLE_PROGRAM)
            flags += ["--sim-flag=--flash", f"--sim-flag={program}"]
        words = [usbemu_path(), *(f"--device={device}" for device in devices), "--control", self.control_path, *flags]
        self.program = Program("usbemu", words, self.directory)
        self.program.wait_for_line(r"UMOCKDEV_DIR=")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(BOUND)
        self.socket.connect(str(self.control_path))
        self.lines = self.socket.makefile("rb")
        self.facts = self.call("bus")
        self.environment = {**os.environ, **self.facts["environment"]}

    def ask(self, command, **arguments):
        """Sends a command; returns the answer, which may be an error."""
        self.socket.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
        return json.loads(self.lines.readline())

    def call(self, command, **arguments):
        answer = self.ask(command, **arguments)
        assert answer["ok"], (command, arguments, answer)
        return answer

    def plug(self, device):
        self.call("plug", device=device)

    def unplug(self, device):
        self.call("unplug", device=device)

    def inject(self, device, fault, **arguments):
        self.call("inject", device=device, fault=fault, **arguments)

    def devices(self):
        return self.call("devices")["devices"]

    def transfers(self, device=0):
        """The number of transfers since the device was plugged in."""
        return sum(self.devices()[device]["transfers"].values())

    def board(self):
        """Connects to the control port of the simulator with the devices' boards. Board N belongs to device N."""
        return contextlib.closing(SimControl(self.facts["sim_control_port"]))

    def run(self, argv, bound=BOUND, **options):
        """Runs a program to its end."""
        options = {"capture_output": True, "text": True, "check": False, "cwd": self.directory, **options}
        return subprocess.run(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, timeout=bound, env=self.environment, **options
        )

    def start(self, argv, **options):
        """Starts a program, which the caller must end."""
        return subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, cwd=self.directory, env=self.environment, **options
        )

    def close(self):
        self.lines.close()
        self.socket.close()
        code = self.program.stop()
        assert code == 0, f"usbemu ended with {code}:\n{self.program.log()}"


@contextlib.contextmanager
def usbemu(*devices, flags=(), idle=True):
    """A bus with these devices, each given as a value of --device. If `idle`, the boards run a
    program that does nothing."""
    directory = tempfile.mkdtemp(prefix="usb-bus-")
    try:
        bus = UsbBus(devices, directory, flags, idle)
        try:
            yield bus
        finally:
            bus.close()
    finally:
        shutil.rmtree(directory)
