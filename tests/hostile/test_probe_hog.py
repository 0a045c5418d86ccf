"""A client that wants a probe for itself: by a low clock and long sequences, by blocks that take long, and by many
sessions that all want the lock. The others go on, a kick frees the probe, and the server ends when it is told to."""

import json
import signal
import threading
import time

import pytest
from ending import ends_on_sigterm
from raw_client import DPIDR, DRW, RAM
from slow_probe import SlowProbe
from stack import BOUND, wait_until

# What a kicked session had on the wire is given up within this time, in seconds. A packet takes half a second at most,
# and a probe a second to answer.
FREE = 2.0
SLACK = 3.0  # of a loaded machine


@pytest.fixture
def slow(make_stack):
    """A stack whose probe is slow at the test's choice: (stack, probe)."""

    def make(**options):
        stack = make_stack(start_gateway=False, gateway_flags=["--memory-interface", "on"], **options)
        probe = SlowProbe(stack.sim_port)
        stack.server.signal(signal.SIGTERM)
        stack.server.process.wait(BOUND)
        stack.probe_flags = lambda: ["--cmsis-dap-tcp", f"127.0.0.1:{probe.port}"]
        stack.start_server()
        stack.server.wait_for_line(r"probe\.connected")
        stack.start_gateway()
        return stack, probe

    return make


def sessions(stack):
    output = stack.programs.run("probegate", "--server", stack.server_address, "sessions", "--json").stdout
    return json.loads(output)["sessions"]


def kick(stack, client):
    port = client.socket.getsockname()[1]
    name = next(s["session"] for s in sessions(stack) if s["client"]["peer_address"].endswith(f":{port}"))
    stack.programs.run("probegate", "--server", stack.server_address, "kick", name)


def send_all(client, probe, requests):
    """Sends `requests`, the last of which keeps the wire busy, and waits until it does."""
    *first, last = requests
    for request in first:
        client.send(*request)
    for _ in first:
        client.receive()
    before = probe.wire_packets
    client.send(*last)
    wait_until(lambda: probe.wire_packets > before + 1, "the client's last request is on the wire")


def timed(call):
    begun = time.monotonic()
    call()
    return time.monotonic() - begun


def hog(raw, stack, *requests):
    """A client that has sent `requests` and waits for the last answer."""
    client = raw(stack.port)
    client.call("open")
    client.call("connect", "SWD")
    for request in requests:
        client.send(*request)
    return client


def test_a_clock_below_the_lowest_is_raised(slow, raw):
    stack, _ = slow()
    honest = raw(stack.port).attach()
    hog(raw, stack).call("set_clock", 1)
    assert timed(lambda: [honest.call("read_dp", DPIDR) for _ in range(20)]) < 20 * 0.1, "5 ms each at 10 kHz"


def test_a_long_sequence_ends_with_its_session(slow, raw):
    stack, probe = slow()
    honest = raw(stack.port).attach()
    client = hog(raw, stack)
    send_all(client, probe, [("set_clock", 1), ("swj_sequence", 65536, 0)])
    for _ in range(20):
        client.send("swj_sequence", 65536, 0)
    due = honest.send("read_dp", DPIDR)
    kick(stack, client)
    assert timed(lambda: honest.result("read_dp", due)) < FREE + SLACK


@pytest.mark.parametrize("gone", ["kicked", "closed"])
@pytest.mark.parametrize(
    "manner, requests",
    [
        ("clock", [("set_clock", 1), ("swj_sequence", 65536, 0)]),
        ("clock", [("set_clock", 1), ("read_dp", DPIDR), ("read_ap_multiple", DRW, 65536)]),
        ("clock", [("set_clock", 1), ("lock",), ("swj_sequence", 65536, 0)]),
        ("late", [("swj_sequence", 65536, 0)]),
        ("late", [("read_ap_multiple", DRW, 65536)]),
        ("endless WAIT", [("read_dp", DPIDR)] * 200),
        ("endless WAIT", [("get_memory_interface_for_ap", 1, 0)] * 50),
    ],
    ids=["sequence", "block", "locked sequence", "late sequence", "late block", "WAIT", "power"],
)
def test_what_a_session_has_on_the_wire_ends_with_it(slow, raw, manner, requests, gone):
    stack, probe = slow()
    honest = raw(stack.port).attach()
    client = raw(stack.port).attach()
    honest.call("read_dp", DPIDR)
    probe.manner = manner
    if manner == "endless WAIT":
        before = probe.wire_packets
        for request in requests:
            client.send(*request)
        wait_until(lambda: probe.wire_packets > before + 1, "the client's requests are on the wire")
    else:
        send_all(client, probe, requests)
    due = honest.send("is_reset_asserted")  # after them in the line, and it needs no target
    if gone == "kicked":
        kick(stack, client)
    else:
        client.abort()
    begun = time.monotonic()
    if manner == "late":
        probe.manner = "clock"
    honest.result("the honest client's request", due)
    assert time.monotonic() - begun < FREE + SLACK


def test_no_session_waits_for_another_clients_blocks(slow, raw):
    """A block is carried out in short turns, also at the lowest clock."""
    stack, _ = slow()
    honest = raw(stack.port).attach()
    client = raw(stack.port).attach()
    client.call("set_clock", 1)
    client.send("read_ap_multiple", DRW, 4096)  # 20 s at 10 kHz
    for _ in range(5):
        assert timed(lambda: honest.call("read_dp", DPIDR)) < 1.0 + SLACK


def test_sessions_of_one_client_share_its_time_with_the_lock(make_stack, raw):
    lock_max = 4.0
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", lock_max])
    honest = raw(stack.port).attach()
    mob = [raw(stack.port).attach() for _ in range(12)]
    for client in mob:
        client.send("lock")
        client.send("flush")
    wait_until(lambda: sum(s["waits_for_lock"] for s in sessions(stack)) == len(mob) - 1, "the mob is in line")
    busy = threading.Event()

    def chatter():
        while not busy.wait(0.1):
            for client in mob:
                client.send("set_clock", 1000000)

    thread = threading.Thread(target=chatter, daemon=True)
    thread.start()
    waited = timed(lambda: honest.call("read_dp", DPIDR))
    busy.set()
    thread.join(BOUND)
    assert waited < 1.5 * lock_max + SLACK, f"{waited:.1f} s"


@pytest.mark.parametrize("manner", ["clock", "late", "silent", "byte by byte", "endless WAIT"])
def test_the_server_ends_whatever_a_probe_does(slow, raw, manner):
    stack, probe = slow(server_flags=["--lock-idle", 3600])
    client = raw(stack.port).attach()
    client.call("set_clock", 1)
    probe.manner = manner
    for _ in range(4):
        client.send("swj_sequence", 65536, 0)
        client.send("read_ap_multiple", DRW, 4096)
    wait_until(lambda: sessions(stack), "the session is listed")
    ends_on_sigterm(stack.server.process, "probegate-server")


def test_a_silent_probe_stops_no_other(make_stack, raw):
    stack = make_stack(boards=2, start_gateway=False)
    probe = SlowProbe(stack.sim_port)
    stack.server.signal(signal.SIGTERM)
    stack.server.process.wait(BOUND)
    stack.probe_flags = lambda: [
        "--cmsis-dap-tcp",
        f"127.0.0.1:{probe.port}",
        "--cmsis-dap-tcp",
        f"127.0.0.1:{stack.sim_port + 1}",
    ]
    stack.start_server()
    for serial in stack.serials:
        stack.server.wait_for_line(rf"probe\.connected probe={serial}")
    stack.start_gateway()
    stuck = raw(stack.port_of(stack.serials[0])).attach()
    other = raw(stack.port_of(stack.serials[1])).attach()
    probe.manner = "silent"
    stuck.send("read_dp", DPIDR)
    assert timed(lambda: [other.read_word(RAM) for _ in range(20)]) < SLACK
    assert timed(lambda: sessions(stack)) < SLACK
