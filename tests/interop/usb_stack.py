"""The real server and gateway on an emulated USB bus (usb_bus.py)."""

import contextlib
import os

import usb_bus
from grpc_client import channel
from raw_client import DRW, RAM, TAR
from stack import BOUND, LOOPBACK, METRICS_FLAGS, SERVER_LISTENS, Program, free_port, wait_until

BLOCK = 64  # words
DHCSR, HALT = 0xE000EDF0, 0xA05F0003

# Root may open any file unless it drops these capabilities.
AS_A_USER = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


class UsbStack:
    """A server that sees only the devices of a bus, and a gateway for it."""

    def __init__(self, programs, api, bus, server_flags=(), start_gateway=True):
        self.programs = programs
        self.api = api
        self.bus = bus
        self.server_flags = server_flags
        self.server = self.start_server()
        self.address = f"{LOOPBACK}:{self.server.wait_for_line(SERVER_LISTENS)[1]}"
        self.directory = api.ProbeDirectoryStub(channel(self.address))
        self.gateway = None
        if start_gateway:
            self.gateway = programs.start(
                "probegate-gateway",
                "--server",
                self.address,
                "--port",
                free_port(4),
                "--state",
                programs.directory / "state",
                *METRICS_FLAGS,
            )

    def start_server(self):
        environment = [f"{name}={value}" for name, value in self.bus.facts["environment"].items()]
        program = Program(
            "probegate-server",
            [
                *AS_A_USER,
                "env",
                *environment,
                self.programs.path("probegate-server"),
                "--listen",
                f"{LOOPBACK}:0",
                *METRICS_FLAGS,
                *self.server_flags,
            ],
            self.programs.directory,
        )
        self.programs.started.append(program)
        return program

    def port_of(self, probe):
        return int(self.gateway.wait_for_line(rf"Serving debug probe .*\({probe}\) on port (\d+)")[1])

    def list(self):
        return self.programs.run("probegate", "--server", self.address, "list").stdout

    def states(self):
        """The state of each probe: {unique ID: state}."""
        names = {
            self.api.PROBE_STATE_IDLE: "idle",
            self.api.PROBE_STATE_IN_USE: "in use",
            self.api.PROBE_STATE_AWAY: "away",
        }
        answer = self.directory.ListProbes(self.api.ListProbesRequest(), timeout=BOUND)
        return {probe.description.unique_id: names[probe.state] for probe in answer.probes}

    def wait_for_state(self, probe, *states):
        """Waits until the probe is in one of `states`; returns that state."""
        return wait_until(
            lambda: (state := self.states().get(probe)) in states and state, f"{probe} is {' or '.join(states)}"
        )

    def open_again(self, client):
        wait_until(lambda: client.status("open") == 0, "the probe can be opened again")
        client.call("connect", "SWD")
        client.wake()


@contextlib.contextmanager
def stack_of(programs, api, bus, **options):
    stack = UsbStack(programs, api, bus, **options)
    try:
        yield stack
    finally:
        assert stack.server.stop() == 0, stack.server.log()


@contextlib.contextmanager
def usb_stack(programs, api, devices, bus_flags=(), idle=True, **options):
    """A bus with devices, and a stack on it. The stack is ended before the bus."""
    with usb_bus.usbemu(*devices, flags=bus_flags, idle=idle) as bus, stack_of(programs, api, bus, **options) as stack:
        yield bus, stack


def use(client):
    """Runs a complete session that uses a little of everything; raises the first error."""
    client.attach()
    client.write_word(DHCSR, HALT)
    client.call("write_ap", TAR, RAM)
    client.call("write_ap_multiple", DRW, list(range(BLOCK)))
    assert client.read_words(RAM, BLOCK) == list(range(BLOCK))
    client.call("swo_start", 1_000_000)
    client.call("swo_read")
    client.call("swo_stop")
    client.call("assert_reset", True)
    client.call("assert_reset", False)
    client.detach()
