"""The real programs, which tests start and end.

A Program is one process with its log. A Stack is a simulator, a server and a gateway that are connected to each other.
A program counts as ready when it has printed a certain line; tests wait for it up to a bound. Only processes that were
started here are ended.
"""

import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

# How long to wait, in seconds, for anything that should happen at once. A loaded machine with
# sanitizers needs far less.
BOUND = 30.0
LOOPBACK = "127.0.0.1"

# What boards have in flash by default: the initial SP, the reset vector, and WFI in a loop. Their cores sleep, use no
# processor time and leave RAM to the tests; the firmware that is built into probegate-sim has variables in RAM.
IDLE_PROGRAM = struct.pack("<IIHH", 0x20040000, 8 | 1, 0xBF30, 0xE7FD)


def wait_until(condition, what, bound=BOUND):
    """Waits until condition() returns something true, and returns that. `what` describes it, for the error message."""
    deadline = time.monotonic() + bound
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {bound:g} s: {what}")
        time.sleep(0.01)


def _ports_of_this_process():
    """The range of ports that this process gives out, below the kernel's ephemeral ports. Each worker of pytest-xdist
    has a separate range, because a port may be free for a while after it was given out: until its program listens, and
    while the program restarts."""
    first, last = 15000, 32000
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % workers
    width = (last - first) // workers
    return range(first + worker * width, first + (worker + 1) * width)


_ports_given = set()


def free_port(count=1):
    """The first of `count` neighbouring ports that are not in use and were not given out before, so that two programs
    never get the same port. The search starts at a place that depends on the process ID."""
    ports = _ports_of_this_process()
    places = len(ports) - count
    start = os.getpid() * 101 % places
    for offset in range(0, len(ports), count):
        port = ports[(start + offset) % places]
        wanted = range(port, port + count)
        if not _ports_given.intersection(wanted) and all(_can_listen(p) for p in wanted):
            _ports_given.update(wanted)
            return port
    raise AssertionError("no free port")


def _can_listen(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


class Program:
    """One process. Its standard output and error go to one log file."""

    def __init__(self, name, argv, directory):
        self.name = name
        self.log_path = pathlib.Path(directory) / f"{name}.log"
        with open(self.log_path, "ab") as log:
            # The start of this run's output: a program that is started again appends to the same file.
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=directory
            )

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_for_line(self, pattern, bound=BOUND):
        """The first match of the regular expression in the log of this run."""

        def look():
            match = re.search(pattern, self.log())
            if match is None and self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            return match

        try:
            return wait_until(look, f"{self.name} prints /{pattern}/", bound)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def metrics_url(self):
        """The URL of its metrics in this run."""
        return self.wait_for_line(METRICS_LISTEN)[1]

    def is_running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, bound=BOUND):
        """Waits until it has ended; returns its exit code, which is negative if a signal ended it."""
        try:
            return self.process.wait(bound)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {bound:g} s\n{self.log()}") from None

    def stop(self):
        """Asks it to end, and returns its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Programs:
    """Starts programs from one directory, and ends them when the test is over."""

    def __init__(self, bin_directory, work_directory):
        self.bin = pathlib.Path(bin_directory)
        self.directory = pathlib.Path(work_directory)
        self.started = []

    def path(self, name):
        return self.bin / name

    def start(self, name, *flags, label=None):
        program = Program(label or name, [self.path(name), *flags], self.directory)
        self.started.append(program)
        return program

    def run(self, name, *flags, bound=BOUND, stdout=subprocess.PIPE, **options):
        """Runs a program to its end."""
        return subprocess.run(
            [str(self.path(name)), *map(str, flags)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=bound,
            cwd=self.directory,
            check=False,
            **options,
        )

    def end_all(self):
        """Ends the programs that still run, newest first. Returns the problems: each program must end with exit code 0
        on SIGTERM, and none may have crashed before."""
        problems = []
        for program in reversed(self.started):
            crashed = program.process.poll()
            if crashed is not None:
                # A test may have ended it with SIGKILL, or may have checked its exit code itself.
                if crashed < 0 and crashed != -signal.SIGKILL:
                    problems.append(f"{program.name} was killed by signal {-crashed}")
                continue
            program.signal(signal.SIGTERM)
            try:
                code = program.process.wait(BOUND)
            except subprocess.TimeoutExpired:
                program.kill()
                problems.append(f"{program.name} did not end on SIGTERM")
                continue
            if code != 0:
                problems.append(f"{program.name} ended with {code} on SIGTERM")
        return problems

    def logs(self):
        for path in sorted({p.log_path for p in self.started}):
            yield path.stem, path.read_text(errors="replace")


class Stack:
    """A simulator with `boards` boards, a server that has all of them, and a gateway. The boards run the idle program
    unless `sim_flags` has --flash."""

    def __init__(self, programs, boards=1, sim_flags=(), server_flags=(), gateway_flags=(), start_gateway=True):
        self.programs = programs
        self.boards = boards
        self.sim_flags = list(sim_flags)
        if "--flash" not in self.sim_flags:
            idle = programs.directory / "idle.bin"
            idle.write_bytes(IDLE_PROGRAM)
            self.sim_flags += ["--flash", idle]
        self.server_flags = list(server_flags)
        self.gateway_flags = list(gateway_flags)
        self.sim = self.server = self.gateway = None
        self.state = programs.directory / "state"
        self.sim_port = free_port(boards)
        self.control_port = free_port()
        self.server_port = 0  # known after the first start
        self.gateway_port = free_port(boards)
        self.serials = []
        self.start_sim()
        self.start_server()
        if start_gateway:
            self.start_gateway()

    def start_sim(self):
        self.sim = self.programs.start(
            "probegate-sim",
            "--listen",
            f"{LOOPBACK}:{self.sim_port}",
            "--boards",
            self.boards,
            "--control",
            f"{LOOPBACK}:{self.control_port}",
            *self.sim_flags,
        )
        self.sim.wait_for_line(r"control listening on ")
        self.serials = []
        for board in range(self.boards):
            line = self.sim.wait_for_line(rf"board {board} \((\S+)\) listening on {LOOPBACK}:{self.sim_port + board}\b")
            self.serials.append(line[1])

    def probe_flags(self):
        last = self.sim_port + self.boards - 1
        return ["--cmsis-dap-tcp", f"{LOOPBACK}:{self.sim_port}" + (f"-{last}" if self.boards > 1 else "")]

    def start_server(self):
        self.server = self.programs.start(
            "probegate-server",
            "--listen",
            f"{LOOPBACK}:{self.server_port}",
            "--no-usb",
            *METRICS_FLAGS,
            *self.probe_flags(),
            *self.server_flags,
        )
        self.server_port = int(self.server.wait_for_line(SERVER_LISTENS)[1])

    def start_gateway(self):
        self.gateway = self.start_another_gateway(
            "probegate-gateway", self.gateway_port, self.state, *self.gateway_flags
        )
        for serial in self.serials:
            self.gateway.wait_for_line(rf"Serving debug probe .*\({serial}\) on port \d+")

    def start_another_gateway(self, label, port, state, *flags):
        return self.programs.start(
            "probegate-gateway",
            "--server",
            self.server_address,
            "--port",
            port,
            "--state",
            state,
            *METRICS_FLAGS,
            *flags,
            label=label,
        )

    def port_of(self, serial):
        return int(self.gateway.wait_for_line(rf"Serving debug probe .*\({serial}\) on port (\d+)")[1])

    @property
    def server_address(self):
        return f"{LOOPBACK}:{self.server_port}"

    @property
    def serial(self):
        return self.serials[0]

    @property
    def port(self):
        """The port on which the gateway serves the first board."""
        return self.port_of(self.serial)

    @property
    def uid(self):
        """The first board's unique ID for pyOCD."""
        return f"remote:{LOOPBACK}:{self.port}"


# The server logs this when it accepts calls.
SERVER_LISTENS = r"Listening on 127\.0\.0\.1:(\d+)"
# Every program logs this when it serves its metrics. The pattern matches both log formats.
METRICS_LISTEN = r'Metrics on (http://[^\s"]+/metrics)'
# Flags to serve metrics on a free port, or not at all.
METRICS_FLAGS = ["--metrics-listen", f"{LOOPBACK}:0"]
NO_METRICS = ["--metrics-listen", "none"]
