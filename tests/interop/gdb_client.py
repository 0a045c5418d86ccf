"""Drives the real gdb: gdb-multiarch, over its machine interface, connected to `pyocd gdbserver`.

Tests see as little as possible of the machine interface (gdb's manual, chapter "GDB/MI"): they give the commands that a
person types, and get the text that a person sees. It is used because it reports when a program runs, and when and why
it stops.
"""

import ast
import queue
import re
import signal
import subprocess
import sys
import threading

from stack import BOUND, LOOPBACK, Program

GDB = "gdb-multiarch"
SETTINGS = (
    "set pagination off",
    "set confirm off",
    "set width 0",
    "set style enabled off",
    "set print frame-arguments none",
)


def functions_of(backtrace):
    """The functions in the text of a backtrace, innermost first; an exception frame is None."""
    return [
        match[1]
        for match in re.finditer(r"^#\d+\s+(?:<signal handler called>|(?:0x\w+ in )?(\w+) \()", backtrace, re.MULTILINE)
    ]


class GdbError(Exception):
    """gdb refused a command, or failed at it."""


class Stop:
    """Why and where the program stopped: `reason` as in the machine interface, `signal` if the reason is a signal."""

    def __init__(self, record):
        def field(name):
            match = re.search(rf'\b{name}="([^"]*)"', record)
            return match[1] if match else None

        self.reason = field("reason")
        self.signal = field("signal-name")
        self.function = field("func")
        self.address = int(field("addr") or "0", 16)

    def __repr__(self):
        return f"Stop({self.reason}, {self.signal}, {self.function}, {self.address:#x})"


class GdbServer(Program):
    """`pyocd gdbserver`, which keeps running when a gdb disconnects."""

    def __init__(self, directory, uid, *flags, target="nrf52840", python=sys.executable):
        super().__init__(
            "pyocd-gdbserver",
            [
                python,
                "-u",
                "-m",
                "pyocd",
                "gdbserver",
                "--no-config",
                "--uid",
                uid,
                "--target",
                target,
                "--port",
                0,
                "--telnet-port",
                0,
                "--persist",
                *flags,
            ],
            directory,
        )
        # The messages of old and new versions of pyOCD.
        try:
            self.console_port = int(self.wait_for_line(r"(?:STDIO|Semihost) server started on port (\d+)")[1])
            self.port = int(self.wait_for_line(r"GDB server (?:listening|started) on port (\d+)")[1])
        except AssertionError:
            self.kill()
            raise


class Gdb:
    """One gdb. Each method waits up to a bound. If gdb does not answer, the test fails and shows gdb's last output."""

    def __init__(self, elf, directory, osabi="none"):
        argv = [GDB, "--quiet", "--nx", "--interpreter=mi3", "-iex", f"set osabi {osabi}", str(elf)]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=directory, text=True
        )
        self._lines = queue.Queue()
        self._said = []
        threading.Thread(target=self._read, daemon=True).start()
        for setting in SETTINGS:
            self.command(setting)

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _next(self, bound):
        try:
            line = self._lines.get(timeout=bound)
        except queue.Empty:
            raise AssertionError(
                f"gdb printed nothing for {bound:g} s; its last output:\n{self._transcript()}"
            ) from None
        assert line is not None, f"gdb has ended; its last output:\n{self._transcript()}"
        self._said.append(line)
        return line

    def _transcript(self):
        return "\n".join(self._said[-60:])

    def _send(self, text):
        self._said.append(f">>> {text}")
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def _until(self, ends, bound):
        """Returns the output up to a line that starts with `ends`, and that line. Raises GdbError
        if gdb reports an error."""
        printed, complaints = [], []
        while True:
            line = self._next(bound)
            if line.startswith(("~", "@")):
                printed.append(ast.literal_eval(line[1:]))
            elif line.startswith("&"):
                complaints.append(ast.literal_eval(line[1:]))
            elif line.startswith("^error"):
                raise GdbError("".join(complaints))
            elif line.startswith(ends):
                return "".join(printed), line

    def command(self, text, bound=BOUND):
        """Runs a command; returns what gdb prints."""
        self._send(text)
        return self._until("^", bound)[0]

    def start(self, text, bound=BOUND):
        """Runs a command that lets the program run; does not wait until the program stops."""
        self._send(text)
        _, result = self._until("^", bound)
        assert result.startswith("^running"), self._transcript()

    def wait_for_stop(self, bound=BOUND):
        return Stop(self._until("*stopped", bound)[1])

    def run(self, text, bound=BOUND):
        """Runs a command that lets the program run, and waits until the program stops."""
        self.start(text, bound)
        return self.wait_for_stop(bound)

    def interrupt(self):
        """Sends gdb a Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.wait_for_stop()

    def attach(self, server):
        self.command(f"target remote {LOOPBACK}:{server.port}")
        return self

    def monitor(self, text):
        return self.command(f"monitor {text}")

    def value(self, expression):
        """The value of an integer expression in the program."""
        return int(self.command(f"output/d (long long)({expression})"), 10)

    def float(self, expression):
        return float(self.command(f"output {expression}").split()[0])

    def kill(self):
        self.process.kill()
        self.process.wait()
