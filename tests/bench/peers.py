"""The two servers that are compared, as running processes: ours with a simulated board, and `pyocd server` with an
in-memory probe. Each can report how long its probe takes for a packet or a transfer."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "interop"))

# pylint: disable=wrong-import-position
import board
import pki
from board import resident_mib
from raw_client import RawClient
from sim_control import SimControl
from stack import LOOPBACK, NO_METRICS, Programs, Stack, free_port, wait_until
from usb_hosts import UsbHosts


def place(pids, cpus):
    """Restricts all threads of these processes to these processors. Threads that they create later inherit this."""
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(ProcessLookupError):  # a thread may have ended in the meantime
                os.sched_setaffinity(int(task), cpus)


class Ours:
    """Simulator, server and gateway. The simulator has a second board, which is only used to measure packets."""

    name = "ours"

    def __init__(self, programs, load):
        self._load = load
        self._stack = OneOfTwoBoards(programs)
        self._control = SimControl(self._stack.control_port)
        self.port = self._stack.port

    def pids(self):
        return [p.pid for p in (self._stack.sim, self._stack.server, self._stack.gateway)]

    def resident_mib(self):
        """The memory of the server and the gateway, without the simulator, which users do not run."""
        return resident_mib([self._stack.server.pid, self._stack.gateway.pid])

    def set_latency(self, microseconds):
        self._control.call("set_latency", microseconds=microseconds)

    def probe_us(self, count):
        """The median time of a packet that is sent directly to the simulator."""
        return self._load("packet", LOOPBACK, self._stack.sim_port + 1, "--count", count)["p50_us"]

    def packets(self):
        """How many packets the board has answered so far."""
        return self._control.call("counters", board=0)["packets"]

    def stream_us(self, count):
        return self._load("stream", self._stack.server_address, "--count", count)["p50_us"]


class Transports:
    """A board, and a server for each transport of gRPC that has the board while it is measured."""

    def __init__(self, programs, load):
        self._load = load
        self._programs = programs
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="probegate-", dir="/tmp"))
        authority = pki.Authority(self._folder / "pki")
        access = self._folder / "access.yaml"
        access.write_text('rules: [{who: {certificate: "*"}, may: [view, use]}]')
        self._client = [*pki.trusting(authority), *authority.client().flags]
        self._tls = [*authority.server().flags, "--tls-client-ca", authority.cert, "--access", access]
        self._sim_port = free_port()
        self._sim = programs.start("probegate-sim", "--listen", f"{LOOPBACK}:{self._sim_port}", label="transports-sim")
        self._sim.wait_for_line("listening on")
        self._server = None

    def close(self):
        self._stop()
        self._sim.stop()
        shutil.rmtree(self._folder)

    def _stop(self):
        if self._server is not None:
            self._server.stop()
        self._server = None

    def use(self, transport):
        """Starts the server with TCP, a unix socket, or TLS and rules for clients with certificates. Returns its
        arguments for the load client, and its processes."""
        self._stop()
        listen = f"unix:{self._folder}/socket" if transport == "unix" else f"{LOOPBACK}:0"
        flags = self._tls if transport == "TLS" else []
        self._server = self._programs.start(
            "probegate-server", "--listen", listen, "--no-usb", *NO_METRICS, "--cmsis-dap-tcp",
            f"{LOOPBACK}:{self._sim_port}", *flags, label="transports-server",
        )  # fmt: skip
        address = self._server.wait_for_line(r"Listening on (\S+)")[1]
        self._server.wait_for_line(r"probe\.connected")
        return [address, *(self._client if transport == "TLS" else [])], [self._sim.pid, self._server.pid]


class OneOfTwoBoards(Stack):
    """A stack with two boards, of which the server has only the first."""

    def __init__(self, programs):
        super().__init__(programs, boards=2)

    def probe_flags(self):
        return ["--cmsis-dap-tcp", f"{LOOPBACK}:{self.sim_port}"]

    def start_sim(self):
        super().start_sim()
        del self.serials[1:]


class Stock:
    """`pyocd server`. There is one for each latency of the probe, because the latency is set when the server starts."""

    name = "stock"

    def __init__(self, directory, latency_us):
        self.port = free_port()
        self._log = open(pathlib.Path(directory) / f"stock-{latency_us}.log", "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, HERE / "memprobe" / "stock_server.py", str(self.port), str(latency_us)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=directory,
        )
        wait_until(self._listens, "pyocd server listens")

    def _listens(self):
        assert self._process.poll() is None, f"pyocd server ended; see {self._log.name}"
        try:
            RawClient(self.port).close()
        except OSError:
            return False
        return True

    def pids(self):
        return [self._process.pid]

    def resident_mib(self):
        return resident_mib(self.pids())

    def probe_us(self, _count):
        """The median time of the latest transfers, as measured by the probe itself."""
        with RawClient(self.port) as client:
            return client.call("readprop", "transfer_p50_us")

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._log.close()


class Bench:
    """Everything that is running, and the processors on which it runs."""

    def __init__(self, bin_directory):
        self._directory = tempfile.TemporaryDirectory(prefix="probegate-bench-")
        self._programs = Programs(bin_directory, self._directory.name)
        self._cpus = os.sched_getaffinity(0)
        self._pinned = {max(self._cpus)}
        self._placed = self._cpus
        self._stock = {}
        try:
            self.ours = Ours(self._programs, self.load)
            for latency in (0, 125):
                self._stock[latency] = Stock(self._directory.name, latency)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        for stock in self._stock.values():
            stock.stop()
        problems = self._programs.end_all()
        if problems:
            print("; ".join(problems), file=sys.stderr)
        self._directory.cleanup()

    def stock(self, latency):
        return self._stock[latency]

    def peers(self, latency):
        """Both peers, with probes that have this latency in µs."""
        self.ours.set_latency(latency)
        return self.ours, self._stock[latency]

    def pin(self, pinned):
        """Restricts the processes of all peers, and those started from now on, to one processor, or
        lifts the restriction."""
        self._placed = self._pinned if pinned else self._cpus
        place(self.ours.pids(), self._placed)
        for stock in self._stock.values():
            place(stock.pids(), self._placed)

    def _run(self, argv, environment=None):
        result = subprocess.run(
            [str(a) for a in argv],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self._directory.name,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, self._placed),
        )
        if result.returncode != 0:
            raise RuntimeError(result.stderr.strip())
        return json.loads(result.stdout.splitlines()[-1])

    def load(self, *arguments):
        return self._run([self._programs.path("probegate-load"), *arguments])

    @contextlib.contextmanager
    def transports(self):
        """Measures transports of gRPC: a function of the load's name and arguments, and the transport."""
        transports = Transports(self._programs, self.load)

        def measure(transport, name, *arguments):
            target, pids = transports.use(transport)
            place(pids, self._placed)
            return self.load(name, *target, *arguments)

        try:
            yield measure
        finally:
            transports.close()

    def scope_cost(self):
        return self._run([self._programs.path("probegate-bench-scope")])

    def speeds(self, seconds):
        return board.speeds(self._programs, pathlib.Path(self._directory.name), seconds)

    def idle_boards(self, count, seconds):
        return board.idle_boards(self._programs, count, seconds)

    def fleet_mib(self, probes):
        return board.fleet_mib(self._programs, probes)

    def pyocd_board(self, repeats, steps, kib):
        """Runs board_timing.py on a new board this number of times; returns the results."""
        with board.programming_stack(self._programs) as stack:
            return [
                self._run([sys.executable, HERE / "board_timing.py", stack.port, steps, kib]) for _ in range(repeats)
            ]

    def pyocd_client(self, peer, repeats):
        return self._run([sys.executable, HERE / "client_timing.py", f"remote:{LOOPBACK}:{peer.port}", repeats])

    def usb_hosts(self, repeats, attaches):
        """Measures each host of a USB device in turn, this number of times; returns the medians by host."""
        hosts = UsbHosts(self._programs, self._run)
        try:
            return hosts.measure_in_turn(repeats, attaches)
        finally:
            hosts.close()
