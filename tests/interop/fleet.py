"""Many servers, each with its own boards, and one gateway that knows them all by one name.

The servers listen on the same port of neighbouring loopback addresses. The name is resolved by a hosts file that only
the gateway sees, in a separate mount namespace. A test can change the file while the gateway runs.
"""

import os
import threading

from namespaces import with_hosts
from raw_client import RAM, RawClient, RemoteError
from sim_control import SimControl
from stack import IDLE_PROGRAM, LOOPBACK, METRICS_FLAGS, SERVER_LISTENS, Program, free_port

NAME = "lab.test"
# All lines of the hosts file have the same length, so that a single write can replace one: a reader
# sees either the old line or the new one.
LINE = "{:<16}" + NAME + "\n"


def address_of(number):
    return f"127.0.1.{number + 1}"


class Fleet:
    """`servers` servers with `boards` boards each. Board b of server s has the serial number `serials[s][b]`."""

    def __init__(self, programs, servers, boards):
        self.programs = programs
        self.boards = boards
        self.port = free_port()  # of every server
        self.first_gateway_port = free_port(servers * boards)
        self.sim_port = free_port(servers * boards)
        idle = programs.directory / "idle.bin"
        idle.write_bytes(IDLE_PROGRAM)
        control_port = free_port()
        sim = programs.start(
            "probegate-sim",
            "--listen",
            f"{LOOPBACK}:{self.sim_port}",
            "--boards",
            servers * boards,
            "--flash",
            idle,
            "--control",
            f"{LOOPBACK}:{control_port}",
        )
        self.control = lambda: SimControl(control_port)
        serials = [sim.wait_for_line(rf"board {board} \((\S+)\) listening on ")[1] for board in range(servers * boards)]
        self.serials = [serials[s * boards : (s + 1) * boards] for s in range(servers)]
        self.servers = [self.start_server(number, address_of(number)) for number in range(servers)]
        self.hosts = programs.directory / "hosts"
        self.hosts.write_text("".join(LINE.format(address_of(number)) for number in range(servers)))
        self.gateway = self._start_gateway()
        self.ports = {}
        for serial in serials:
            self.ports[serial] = int(
                self.gateway.wait_for_line(rf"Serving debug probe .*\({serial}\) on port (\d+)")[1]
            )

    def start_server(self, number, address):
        """Starts the server with the boards of server `number`, at this address."""
        first = self.sim_port + number * self.boards
        server = self.programs.start(
            "probegate-server",
            "--listen",
            f"{address}:{self.port}",
            "--no-usb",
            "--metrics-listen",
            "none",
            "--cmsis-dap-tcp",
            f"{LOOPBACK}:{first}-{first + self.boards - 1}",
            label=f"probegate-server-{address}",
        )
        server.wait_for_line(SERVER_LISTENS.replace(r"127\.0\.0\.1", address.replace(".", r"\.")))
        return server

    def move(self, number, address):
        """Makes the name resolve to this address instead of the address of server `number`."""
        line = LINE.format(address).encode()
        with open(self.hosts, "r+b", buffering=0) as hosts:
            os.pwrite(hosts.fileno(), line, number * len(line))

    def _start_gateway(self):
        program = Program(
            "probegate-gateway",
            with_hosts(
                self.hosts,
                self.programs.path("probegate-gateway"),
                "--server",
                f"{NAME}:{self.port}",
                "--port",
                self.first_gateway_port,
                "--state",
                self.programs.directory / "state",
                *METRICS_FLAGS,
            ),
            self.programs.directory,
        )
        self.programs.started.append(program)
        return program

    def clients(self, number):
        """Attached clients, one for each board of this server."""
        return [RawClient(self.ports[serial]).attach() for serial in self.serials[number]]


class Load(threading.Thread):
    """Repeatedly reads a word from each client's board, and records what goes wrong."""

    def __init__(self, clients, words):
        super().__init__()
        self.clients = clients
        self.words = words
        self.rounds = 0
        self.problems = []
        self._stopped = threading.Event()

    def run(self):
        while not self._stopped.is_set() and not self.problems:
            for client, word in zip(self.clients, self.words):
                try:
                    read = client.read_word(RAM)
                except (OSError, EOFError, RemoteError) as error:
                    self.problems.append(f"{error!r}")
                    return
                if read != word:
                    self.problems.append(f"read {read:#x} instead of {word:#x}")
            self.rounds += 1

    def stop(self):
        self._stopped.set()
        self.join()
