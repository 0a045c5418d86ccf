"""What happens in a lab and is counted: functions that make it happen to a stack, each as an outsider would.

`lab` has the stack, and makes clients of all sorts (test_metrics_move.py). An event returns when its cause is over; what
is counted may follow a moment later. It may return what is to be done when that has been looked at.
"""

import os
import signal
import subprocess
import sys

import grpc
import swo
from grpc_client import CommandError, StreamSession, UnarySession
from raw_client import CTRL_STAT, DISCONNECTED, DPIDR, FAULTING, RAM, SELECT
from stack import wait_until

# A client of the gRPC API in a process of its own, so that it can be killed. Its standard input never ends.
CLIENT = """
import sys
import grpc
path, address, *requests = sys.argv[1:]
def forever():
    yield from map(bytes.fromhex, requests)
    sys.stdin.read()
stream = grpc.insecure_channel(address).stream_stream(path)(forever())
for _ in requests:
    next(stream)
print("opened", flush=True)
sys.stdin.read()
"""

RUNS = {}


def runs_with(server_flags=(), gateway_flags=()):
    """The event needs a stack whose programs have these flags."""

    def note(event):
        RUNS[event] = {"server_flags": server_flags, "gateway_flags": gateway_flags}
        return event

    return note


# --- What clients do


def a_client_comes_and_goes(lab):
    client = lab.client().attach()
    client.write_word(RAM, 1)
    client.read_words(RAM, 16)
    client.call("lock")
    client.call("unlock")
    client.detach()
    client.close()


def nonsense(lab):
    client = lab.client()
    for line in (b"hello", b"{}", b'{"id": 1, "request": "no_such"}'):
        client.send_bytes(line + b"\n")
        client.receive()


@runs_with(gateway_flags=["--max-line-bytes", 65536])
def a_line_too_long(lab):
    client = lab.client()
    client.send_bytes(b"x" * 70000)
    assert client.receive()["id"] == -1


@runs_with(gateway_flags=["--max-connections", 1])
def one_client_too_many(lab):
    lab.client().call("hello", 1)
    assert lab.client().status("hello", 1) == DISCONNECTED


@runs_with(server_flags=["--lock-idle", 3600, "--lock-max", 3600])
def a_client_is_gone_while_it_waits(lab):
    holder, waiting = lab.client().attach(), lab.client().attach()
    holder.take_lock()
    waiting.send("read_dp", DPIDR)
    lab.wait_for("server", "probegate_lock_waiters", 1)
    waiting.abort()
    lab.wait_for("server", "probegate_sessions", 1)


@runs_with(server_flags=["--lock-idle", 1, "--lock-max", 3600])
def a_silent_holder(lab):
    holder, waiting = lab.client().attach(), lab.client().attach()
    holder.take_lock()
    waiting.call("read_dp", DPIDR)


def wrong_orders(lab):
    """Each of these fails in its own way."""
    client = lab.client()
    client.call("hello", 1)
    client.call("open")
    assert client.status("read_dp", DPIDR) != 0  # not connected
    client.attach()
    client.call("write_dp", SELECT, 1)
    assert client.status("write_dp", CTRL_STAT, 0x100) != 0  # DLCR.TURNROUND
    assert client.status("unlock") != 0
    assert client.status("read_mem", 99, RAM, 32) != 0
    assert client.status("connect", "JTAG") != 0


# --- Clients of the gRPC API


def a_session_of_unary_calls(lab):
    session = lab.session(UnarySession)
    session.command("GetState")
    session.end()


def a_stream_is_half_closed(lab):
    session = lab.session(StreamSession)
    session.command("GetState")
    session.end()


def a_unary_session_falls_silent(lab):
    lab.session(UnarySession, idle_timeout_seconds=1)
    lab.wait_for("server", "probegate_sessions", 0)


def an_unknown_probe(lab):
    try:
        UnarySession(lab.api, lab.stack.server_address, "nobody")
    except CommandError as error:
        assert error.code == grpc.StatusCode.NOT_FOUND
        return
    raise AssertionError("a session on nobody's probe")


def a_session_is_kicked(lab):
    client = lab.client().attach()
    sessions = lab.sessions()
    assert len(sessions) == 1
    lab.cli("kick", sessions[0]["session"])
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client is told")


def a_grpc_client_is_killed(lab):
    requests = [
        lab.api.StreamRequest(open_session=lab.api.OpenSessionRequest(probe=lab.stack.serial)),
        lab.api.StreamRequest(open=lab.api.OpenRequest()),
    ]
    argv = [
        sys.executable,
        "-c",
        CLIENT,
        "/probegate.v1.DebugProbe/Stream",
        lab.stack.server_address,
        *(request.SerializeToString().hex() for request in requests),
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"opened\n"
        process.kill()
    lab.wait_for("server", "probegate_sessions", 0)


def a_json_client_is_killed(lab):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from raw_client import RawClient\n"
        "client = RawClient(int(sys.argv[2])).attach(); print('attached', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, os.path.dirname(__file__), str(lab.stack.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"attached\n"
        process.kill()
    lab.wait_for("server", "probegate_sessions", 0)


# --- What targets and probes do


def a_bus_fault(lab):
    client = lab.client().attach()
    client.call("write_ap", 0x04, FAULTING)
    assert client.status("read_ap", 0x0C) != 0


def a_target_that_waits(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="wait", at=1, times=0)
    assert client.status("read_ap", 0xFC) != 0
    lab.sim.call("clear_faults")


def a_target_that_is_silent(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="no_ack", at=1, times=1)
    assert client.status("read_ap", 0xFC) != 0


def a_reply_is_lost(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=1)
    client.status("read_ap", 0xFC)


def swo_at_two_rates(lab):
    client, other = lab.client().attach(), lab.client().attach()
    client.call("swo_start", swo.BAUD)
    assert other.status("swo_start", 2 * swo.BAUD) != 0
    swo.Target.of_board(lab.sim).send([1])
    return client.close


def swo_at_the_wrong_rate(lab):
    client = lab.client().attach()
    client.call("swo_start", swo.BAUD // 4)
    swo.Target.of_board(lab.sim).send([0] * 3)
    return client.close


def an_answer_with_swo_is_lost(lab):
    client = lab.client().attach()
    client.call("swo_start", swo.BAUD)
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=1)
    return client.close


def swo_that_nobody_reads(lab):
    client = lab.client().attach()
    client.call("swo_start", 8_000_000)
    swo.Target.of_board(lab.sim, baud=8_000_000).send_for_ever()
    return client.close


def swo_while_the_server_stands_still(lab):
    """More than the probe's buffer holds."""
    client = lab.client().attach()
    client.call("swo_start", swo.BAUD)
    target = swo.Target.of_board(lab.sim)
    lab.stack.server.signal(signal.SIGSTOP)
    try:
        target.send(range(4000))
    finally:
        lab.stack.server.signal(signal.SIGCONT)
    return client.close


def a_probe_is_unplugged(lab):
    client = lab.client().attach()
    lab.sim.unplug(0)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client is told")


def a_probe_falls_silent(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=0)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client is told")


def a_probe_talks_nonsense(lab):
    client = lab.client().attach()
    lab.sim.call("inject", board=0, fault="corrupt_reply", corruption="signature", at=1, times=1)
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client is told")


# --- What programs do


def the_server_is_killed_and_back(lab):
    client = lab.client().attach()
    lab.stack.server.kill()
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client is told")
    lab.stack.start_server()
    lab.wait_for("gateway", "probegate_gateway_server_up", 1)


def the_server_is_asked_to_end(lab):
    """While a probe does not answer, its end takes long enough to be looked at."""
    lab.client().attach()
    lab.sim.call("inject", board=0, fault="drop_reply", at=1, times=0)
    lab.stack.server.signal(signal.SIGTERM)

    def let_it_end():
        lab.sim.call("clear_faults")
        assert lab.stack.server.wait() == 0

    return let_it_end


def the_gateway_is_killed(lab):
    lab.client().attach()
    lab.stack.gateway.kill()
    lab.wait_for("server", "probegate_sessions", 0)


def time_passes(lab):
    """Being asked is work, too."""
    del lab
